//! What can be set: each setting is a flag and an environment variable, `--edge-listen` and `POINTSMAN_EDGE_LISTEN`.

pub(crate) use self::{
    admin::AdminSettings,
    control_plane::ControlPlaneSettings,
    copy::{CopySettings, CopySettingsError},
    edge::EdgeSettings,
    edge_token::EdgeTokenSettings,
    egress::EgressSettings,
    logging::LogSettings,
    output::{OutputFormat, OutputSettings},
    process::ProcessSettings,
    secret::Secret,
    secret_key::SecretKeySettings,
    tls::TlsSettings,
};

pub(crate) mod admin;
mod control_plane;
mod copy;
mod edge;
mod edge_token;
mod egress;
mod limits;
pub(crate) mod logging;
mod output;
mod process;
mod secret;
pub(crate) mod secret_key;
mod tls;
mod token;
pub(crate) mod units;

#[cfg(test)]
mod tests;
