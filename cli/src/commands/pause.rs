//! `pause` and `resume`: whether a deployment takes requests.

use clap::Args;
use pointsman_proto::admin::v1::{PauseDeploymentRequest, ResumeDeploymentRequest};

use super::{End, Failure, names::DeploymentName, write::WriteSettings};
use crate::{
    manifest::{self, Document},
    output,
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Pause {
    #[command(flatten)]
    state: StateSettings,
}

#[derive(Args, Debug)]
pub(super) struct Resume {
    #[command(flatten)]
    state: StateSettings,
}

#[derive(Args, Debug)]
struct StateSettings {
    /// The deployment, as `acme-erp/bowlers-inc` or `integrations/acme-erp/deployments/bowlers-inc`.
    #[arg(value_name = "DEPLOYMENT")]
    name: DeploymentName,
    /// Only if it is still what it was when it was read with this etag.
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Pause {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.state.write.connect(&self.state.admin).await?;
        let answer = admin
            .pause_deployment(PauseDeploymentRequest {
                name: self.state.name.whole().to_owned(),
                etag: self.state.etag.clone(),
                validate_only: self.state.write.is_dry_run(),
                ..PauseDeploymentRequest::default()
            })
            .await?;
        let revision = answer.revision;
        self.state.end(&admin, &answer, "paused", revision).await
    }
}

impl Resume {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.state.write.connect(&self.state.admin).await?;
        let answer = admin
            .resume_deployment(ResumeDeploymentRequest {
                name: self.state.name.whole().to_owned(),
                etag: self.state.etag.clone(),
                validate_only: self.state.write.is_dry_run(),
                ..ResumeDeploymentRequest::default()
            })
            .await?;
        let revision = answer.revision;
        self.state.end(&admin, &answer, "enabled", revision).await
    }
}

impl StateSettings {
    async fn end<T: Document>(
        &self,
        admin: &pointsman_sdk::admin::AdminClient,
        answer: &T,
        state: &str,
        revision: i64,
    ) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let name = self.name.whole();
        output::print(&match format {
            Some(format) => manifest::write(answer, format)?,
            None if self.write.is_dry_run() => {
                format!("{name} would be {state}\ndry run: nothing was changed\n")
            }
            None => format!("{name} is {state}\nrevision {revision}\n"),
        })?;
        self.write.end(admin, revision, format).await
    }
}
