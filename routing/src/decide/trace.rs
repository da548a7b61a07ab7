//! The steps of a decision, for those who want to see them.

use crate::fault::cut_bytes;

/// As much of a found value as a step shows, in bytes.
pub const MAX_TRACED_BYTES: usize = 1_024;

/// A step of a decision. For admins: it may hold resources' names and what a request said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub stage: Stage,
    /// What was read: a reference as it was written, `constant`, `endpoint` where the called endpoint says it,
    /// `customer` where it follows from the customer, or `only flow`.
    pub source: String,
    /// The value that was found there; a long one is cut.
    pub found: Option<String>,
    /// What it became: a resource's name, the customer's user, a flow key; none where the step failed.
    pub resolved: Option<String>,
    /// What made it so: a mapping's name, or `values`.
    pub through: Option<String>,
    /// Why the step failed, in a sentence for admins; empty where it did not.
    pub detail: String,
}

impl Step {
    pub(super) fn new(stage: Stage, source: impl ToString, found: Option<&str>) -> Self {
        Self {
            stage,
            source: source.to_string(),
            found: found.map(|found| cut_bytes(found, MAX_TRACED_BYTES).into_owned()),
            resolved: None,
            through: None,
            detail: String::new(),
        }
    }
}

/// The steps in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Whose request it is.
    Customer,
    /// Which of the customer's users.
    CustomerUser,
    /// Which deployment.
    Deployment,
    /// Which flow.
    Flow,
}

/// Sees the steps of a decision. `()` sees nothing and costs nothing; a `Vec<Step>` keeps them.
pub trait Trace {
    /// A step was taken or failed.
    fn step(&mut self, step: impl FnOnce() -> Step);
}

impl Trace for () {
    fn step(&mut self, _step: impl FnOnce() -> Step) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}
