//! What somebody wants to write.

use std::collections::HashSet;

use pointsman_routing::fault::Fault;

use super::{Error, Refused};
use crate::domain::{Kind, Resource};

/// The longest display name.
const DISPLAY_NAME_BYTES: usize = 255;

/// A resource as somebody wants it, with every fault that shows without a look at other resources.
#[derive(Clone, Debug)]
pub struct Draft<K: Kind> {
    /// Where it stands in the request, as `integration` or `manifest.deployments[3]`.
    pub(super) at: String,
    /// Its name; none where that is a fault.
    pub(super) name: Option<K::Name>,
    pub(super) display_name: String,
    pub(super) spec: K,
    /// With whole paths.
    pub(super) faults: Vec<Fault>,
    /// How many bytes longer it may become by what is kept.
    pub(super) room_bytes: usize,
}

impl<K: Kind> Draft<K> {
    /// A draft of what stands `at` a place of the request. `name` is the name, or the faults of the fields that make it up; `faults`
    /// are those that were found on the way to `spec`, as seen from the resource.
    #[must_use]
    pub fn new(
        at: impl Into<String>,
        name: Result<K::Name, Vec<Fault>>,
        display_name: String,
        spec: K,
        faults: Vec<Fault>,
    ) -> Self {
        let at = at.into();
        let mut within = faults;
        within.extend(display_name_fault(&display_name));
        let (name, unnamed) = match name {
            Ok(name) => (Some(name), Vec::new()),
            Err(faults) => (None, faults),
        };
        within.extend(match &name {
            Some(name) => spec.faults(name),
            // The rest can be judged under any name.
            None => spec.faults(&K::any_name()),
        });
        let faults = unnamed.into_iter().chain(within.into_iter().map(|fault| fault.within(&at)));
        Self { name, display_name, spec, faults: first_of_each_field(faults), at, room_bytes: usize::MAX }
    }

    /// A draft of what is there.
    pub(super) fn of(resource: Resource<K>, at: &str) -> Self {
        let Resource { name, meta, spec, .. } = resource;
        let display_name = meta.display_name;
        Self {
            at: at.to_owned(),
            name: Some(name),
            display_name,
            spec,
            faults: Vec::new(),
            room_bytes: usize::MAX,
        }
    }

    /// The same, of a message of so many bytes, where so many are allowed.
    #[must_use]
    pub(crate) fn measured(mut self, bytes: usize, limit_bytes: usize) -> Self {
        match limit_bytes.checked_sub(bytes) {
            Some(room) => self.room_bytes = room,
            None => {
                let reason = format!("is {bytes} bytes long; at most {limit_bytes} are allowed");
                self.faults.insert(0, Fault::new(&self.at, reason));
            }
        }
        self
    }

    /// The same, with these faults in front of its own.
    pub(super) fn with_more_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = first_of_each_field(faults.into_iter().chain(self.faults));
        self
    }

    /// Its name, or the refusal of a draft that has none.
    pub(super) fn name(&self) -> Result<K::Name, Error> {
        self.name.clone().ok_or_else(|| Error::Refused(Refused::faulty(self.faults.clone())))
    }

    /// `error`, unless the draft itself is faulty, which is said first.
    pub(super) fn faults_or(&self, error: Error) -> Error {
        if self.faults.is_empty() { error } else { Error::Refused(Refused::faulty(self.faults.clone())) }
    }
}

/// What is wrong with a display name.
pub(super) fn display_name_fault(display_name: &str) -> Option<Fault> {
    let bytes = display_name.len();
    let reason = || format!("is {bytes} bytes long; at most {DISPLAY_NAME_BYTES} are allowed");
    (bytes > DISPLAY_NAME_BYTES).then(|| Fault::new("display_name", reason()))
}

/// Where the conversion and the parser both find fault with a field, the conversion knows more.
fn first_of_each_field(faults: impl Iterator<Item = Fault>) -> Vec<Fault> {
    let mut seen = HashSet::new();
    faults.filter(|fault| seen.insert(fault.field.clone())).collect()
}
