//! Between the APIs' messages and the domain's types; the only place that knows both.

pub mod edge;
