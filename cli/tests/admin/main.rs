//! Admin commands against a real `pointsman up`.

mod audit;
mod harness;
mod history;
mod manifests;
mod writes;
