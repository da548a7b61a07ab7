//! The last good forms of resources whose latest update cannot be used and leaves them in service.

use std::collections::HashMap;

use pointsman_proto::edge::v1::Resource;

use super::frame::Frame;

/// Whether a resource can be used.
pub(crate) type Usable = fn(&Resource) -> bool;

/// Some resources, followed from frame to frame as whoever takes them in does.
pub(super) struct Forms {
    usable: Usable,
    forms: HashMap<String, Form>,
}

/// What is known of one of them.
#[derive(Default)]
pub(super) struct Form {
    /// The last one that could be used.
    pub(super) good: Option<Resource>,
    /// The last one.
    pub(super) latest: Option<Resource>,
}

impl Forms {
    pub(super) fn of(names: Vec<String>, usable: Usable) -> Self {
        Self { usable, forms: names.into_iter().map(|name| (name, Form::default())).collect() }
    }

    pub(super) fn follow(&self, name: &str) -> bool {
        !self.forms.is_empty() && self.forms.contains_key(name)
    }

    pub(super) fn note(&mut self, frame: &Frame) {
        if self.forms.is_empty() {
            return;
        }
        for resource in frame.previous.iter().chain(&frame.upserts) {
            let Some(form) = self.forms.get_mut(&resource.name) else { continue };
            if form.latest.as_ref().is_some_and(|latest| latest.revision > resource.revision) {
                continue;
            }
            if (self.usable)(resource) {
                form.good = Some(resource.clone());
            }
            form.latest = Some(resource.clone());
        }
        for name in &frame.removals {
            if let Some(form) = self.forms.get_mut(name) {
                *form = Form::default();
            }
        }
    }

    pub(super) fn into_forms(self) -> impl Iterator<Item = Form> {
        self.forms.into_values()
    }
}
