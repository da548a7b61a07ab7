//! Admin commands against a real `pointsman up`.

mod harness;
mod history;
mod manifests;
mod writes;
