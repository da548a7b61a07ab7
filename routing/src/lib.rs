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
//! 1. [`table`]: the token of the called URL leads to an endpoint: an integration, and what the endpoint stands for.
//! 2. [`url::PathFragment`]: what stands behind the token, refused where two readers could resolve it differently.
//! 3. [`webhook`]: the request, borrowed from whoever received it, with its [`headers`].
//! 4. [`results`]: what references look into: the request itself, or a Preprocess service's [`reply`](results::Reply).
//! 5. [`source`]: a [`reference`](mod@reference) or a constant, then a table, then a lookup.
//! 6. [`decide`](mod@decide): customer, customer user, deployment, flow, each a [`Refusal`](outcome::Refusal) or a step
//!    on; [`directory`] is what it looks up, in a [`table`] or elsewhere.
//! 7. [`url`] and [`header`]: what of the flow endpoint's configuration, and of us, reaches the wire.
//!
//! [`outcome`] names every way in which a request can be refused, also those that others decide on.
//!
//! Configuration is parsed at the door, by [`integration`] and [`deployment`]: specs of plain text in, types that cannot
//! be wrong out, or all [`fault`]s at once, each with its field. [`name`] has the ids and names of resources.

pub mod decide;
pub mod deployment;
pub mod directory;
pub mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod header;
pub mod headers;
pub mod integration;
pub mod name;
pub mod outcome;
pub mod reference;
pub mod results;
pub mod source;
pub mod table;
pub mod url;
pub mod webhook;
