//! Admin commands against a real `pointsman up`.

mod audit;
mod edges;
mod harness;
mod history;
mod imports;
mod manifests;
mod trace;
mod writes;
