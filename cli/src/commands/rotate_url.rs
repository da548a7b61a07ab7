//! `rotate-url`: a new URL for an endpoint, and the end of older ones.

use clap::Args;
use pointsman_proto::admin::v1::{
    DeploymentServiceRotateEndpointTokenRequest, DeploymentServiceRotateEndpointTokenResponse,
    IntegrationServiceRotateEndpointTokenRequest, IntegrationServiceRotateEndpointTokenResponse, Rotation,
};
use pointsman_sdk::admin::AdminClient;

use super::{End, Failure, names::EndpointName, write::WriteSettings};
use crate::{
    manifest,
    output::{self, Format},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
#[command(after_help = "\
Step by step:
  pointsman rotate-url acme-erp            prints the new URL; the old one works on
  (give the new URL to whoever sends)
  pointsman rotate-url acme-erp --finish   the old one stops working")]
pub(super) struct RotateUrl {
    /// Whose URL: an integration where its endpoint is shared (`acme-erp`), otherwise a deployment
    /// (`acme-erp/bowlers-inc`). Also as whole names.
    name: EndpointName,
    /// The flow whose URL is meant, by its key: needed where each flow has one of its own.
    #[arg(long, value_name = "KEY", default_value = "", hide_default_value = true)]
    flow: String,
    /// End the rotation: older URLs stop working, and the newest stays.
    #[arg(long, conflicts_with = "replace")]
    finish: bool,
    /// A new URL, and older ones stop working at once: for one that became known.
    #[arg(long)]
    replace: bool,
    /// Only if the resource is still what it was when it was read with this etag.
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

/// What both services answer.
struct Rotated {
    url: String,
    older_urls: i32,
    revision: i64,
    document: Option<String>,
}

impl RotateUrl {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        if matches!(self.name, EndpointName::Integration(_)) && !self.flow.is_empty() {
            return Err(Failure::Usage("a flow has a URL of its own at a deployment: name that".to_owned()));
        }
        let admin = self.write.connect(&self.admin).await?;
        let rotated = match &self.name {
            EndpointName::Integration(name) => {
                let answer = admin.rotate_integration_endpoint_token(self.shared(name.whole())).await?;
                Rotated::shared(&answer, format)?
            }
            EndpointName::Deployment(name) => {
                let answer = admin.rotate_deployment_endpoint_token(self.own(name.whole())).await?;
                Rotated::own(&answer, &self.flow, format)?
            }
        };
        self.tell(&rotated)?;
        self.end(&admin, &rotated).await
    }

    fn shared(&self, name: &str) -> IntegrationServiceRotateEndpointTokenRequest {
        IntegrationServiceRotateEndpointTokenRequest {
            name: name.to_owned(),
            rotation: self.rotation().into(),
            etag: self.etag.clone(),
            validate_only: self.write.is_dry_run(),
            ..Default::default()
        }
    }

    fn own(&self, name: &str) -> DeploymentServiceRotateEndpointTokenRequest {
        DeploymentServiceRotateEndpointTokenRequest {
            name: name.to_owned(),
            flow: self.flow.clone(),
            rotation: self.rotation().into(),
            etag: self.etag.clone(),
            validate_only: self.write.is_dry_run(),
            ..Default::default()
        }
    }

    fn rotation(&self) -> Rotation {
        match (self.finish, self.replace) {
            (true, _) => Rotation::Finish,
            (false, true) => Rotation::Replace,
            (false, false) => Rotation::Start,
        }
    }

    /// The URL is the only thing on standard output.
    fn tell(&self, Rotated { url, older_urls, revision, document }: &Rotated) -> Result<(), Failure> {
        if let Some(document) = document {
            return Ok(output::print(document)?);
        }
        if !url.is_empty() {
            output::print(&format!("{url}\n"))?;
        }
        let older = match older_urls {
            0 => "no older URL works".to_owned(),
            1 => "1 older URL works on, until --finish".to_owned(),
            more => format!("{more} older URLs work on, until --finish"),
        };
        output::note(&match self.write.is_dry_run() {
            true => format!("{older}; dry run: nothing was changed\n"),
            false => format!("{older}; revision {revision}\n"),
        });
        Ok(())
    }

    async fn end(&self, admin: &AdminClient, rotated: &Rotated) -> Result<End, Failure> {
        // Also without -o, standard output is for a program: it has the URL.
        self.write.end(admin, rotated.revision, Some(Format::Json)).await
    }
}

impl Rotated {
    fn shared(
        answer: &IntegrationServiceRotateEndpointTokenResponse,
        format: Option<Format>,
    ) -> Result<Self, Failure> {
        let endpoint = answer.integration.as_ref().and_then(|integration| integration.endpoint.as_ref());
        Ok(Self {
            url: endpoint.map(|endpoint| endpoint.url.clone()).unwrap_or_default(),
            older_urls: answer.older_urls,
            revision: answer.revision,
            document: format.map(|format| manifest::write(answer, format)).transpose()?,
        })
    }

    fn own(
        answer: &DeploymentServiceRotateEndpointTokenResponse,
        flow: &str,
        format: Option<Format>,
    ) -> Result<Self, Failure> {
        let deployment = answer.deployment.clone().unwrap_or_default();
        let of_flow = deployment.flow_endpoints.get(flow).map(|endpoint| endpoint.endpoint_url.clone());
        Ok(Self {
            url: of_flow.unwrap_or(deployment.endpoint_url),
            older_urls: answer.older_urls,
            revision: answer.revision,
            document: format.map(|format| manifest::write(answer, format)).transpose()?,
        })
    }
}
