//! Every RPC of the descriptors, called without knowing it: a new one fails here until it keeps the conventions. Who may
//! call what is asked of every RPC in `access::door`.

mod documented;
mod errors;
mod lists;
mod shape;
mod wire;
mod writes;
