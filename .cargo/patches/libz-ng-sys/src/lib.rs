//! zlib under the name of zlib-ng's bindings. `flate2` uses the same function names from either.
#![no_std]
pub use libz_sys::*;
