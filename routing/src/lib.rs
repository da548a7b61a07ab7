//! Pointsman's routing rules: given a webhook, whose is it and what should run?
//!
//! Pure: no I/O, no async, no protobuf. Edges decide with it, dry runs of the control plane decide with it, and both
//! parse configuration with it, so that they cannot hold two opinions.
//!
//! **The first rule is never the wrong tenant.** Wherever two readers of a request could see two different customers,
//! the request is refused.
//!
//! The way of a decision, and the modules along it:
//!
//! 1. [`webhook`]: the request, borrowed from whoever received it.
//! 2. [`results`]: what references look into: the request itself, or a Preprocess service's [`reply`](results::Reply).
//! 3. [`reference`](mod@reference): where to look. [`source`]: a reference or constant, then a table, then a lookup.
//! 4. [`decide`](mod@decide): customer, customer user, deployment, flow, each a [`Refusal`](outcome::Refusal) or a step on.
//! 5. [`directory`]: what the decision looks up; [`table`] holds it in memory.
//! 6. [`url`] and [`header`]: what of a flow endpoint's configuration reaches the wire.
//!
//! [`integration`] and [`deployment`] parse configuration; every fault names its field.

pub mod decide;
pub mod deployment;
pub mod directory;
pub mod fault;
pub mod header;
pub mod integration;
pub mod name;
pub mod outcome;
pub mod reference;
pub mod results;
pub mod source;
pub mod table;
pub mod url;
pub mod webhook;
