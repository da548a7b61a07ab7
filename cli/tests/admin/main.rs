//! Admin commands against a real `pointsman up`.

mod harness;
mod manifests;
mod writes;
