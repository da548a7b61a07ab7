//! `edges accept`: have edges take in what they hold back.

use clap::Args;
use pointsman_proto::admin::v1::{
    AcceptConfigurationRequest, AcceptConfigurationResponse, Edge, GetEdgeRequest, HeldBackConfiguration,
};
use pointsman_sdk::admin::AdminClient;

use super::super::{End, Failure, write::WriteSettings};
use crate::{
    manifest,
    output::{self, edges},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Accept {
    /// The edges, as `eu-1` or `edges/eu-1`.
    #[arg(value_name = "EDGE", value_parser = name, required_unless_present = "all")]
    edges: Vec<String>,
    /// All edges that hold something back.
    #[arg(long, conflicts_with = "edges")]
    all: bool,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Accept {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.write.connect(&self.admin).await?;
        let mut done = AcceptConfigurationResponse::default();
        let mut failed = None;
        for edge in self.meant(&admin).await? {
            match admin.accept_configuration(self.request(edge)).await {
                Ok(mut answer) => {
                    done.accepted.append(&mut answer.accepted);
                    done.revision = answer.revision;
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        // Also what was done before something failed.
        if failed.is_none() || !done.accepted.is_empty() {
            output::print(&match format {
                Some(format) => manifest::write(&done, format)?,
                None => edges::accepted(&done.accepted, self.write.is_dry_run()),
            })?;
        }
        match failed {
            // There is nothing to wait for where nothing was accepted, and nobody waits for no revision.
            None if done.revision == 0 => Ok(End::Fine),
            None => self.write.end(&admin, done.revision, format).await,
            Some(error) if done.accepted.is_empty() || self.write.is_dry_run() => Err(error.into()),
            Some(error) => Err(Failure::Partly { error }),
        }
    }

    /// The edges that are meant, as they are now.
    async fn meant(&self, admin: &AdminClient) -> Result<Vec<Edge>, Failure> {
        if self.all {
            let mut edges = admin.all_edges().await?;
            edges.retain(|edge| edge.connected && edge.held_back.is_some());
            return Ok(edges);
        }
        let mut edges = Vec::new();
        for name in &self.edges {
            let found = admin.get_edge(GetEdgeRequest { name: name.clone() }).await?.edge;
            edges.push(found.ok_or_else(|| Failure::Answer("it holds no edge".to_owned()))?);
        }
        Ok(edges)
    }

    /// What is accepted is what was seen, and nothing else. Where nothing was, the control plane says so.
    fn request(&self, edge: Edge) -> AcceptConfigurationRequest {
        let HeldBackConfiguration { epoch, revision, .. } = edge.held_back.unwrap_or_default();
        AcceptConfigurationRequest {
            name: edge.name,
            epoch,
            revision,
            validate_only: self.write.is_dry_run(),
            ..AcceptConfigurationRequest::default()
        }
    }
}

/// The control plane says what is wrong with it.
#[expect(clippy::unnecessary_wraps, reason = "parsers can fail")]
fn name(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(if text.contains('/') { text.to_owned() } else { format!("edges/{text}") })
}
