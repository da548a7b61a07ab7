//! `token create`: through the control plane, or in its database while it is stopped.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::{Args, ValueEnum};
use pointsman_control_plane::grpc::access_token::create_offline;
use pointsman_proto::admin::v1::{AccessToken, CreateAccessTokenRequest, access_token};
use pointsman_routing::name::{AccessTokenId, EdgeId, IntegrationId};

use super::{Failure, one};
use crate::{
    manifest,
    output::{self, tokens as shown},
    settings::{AdminSettings, OutputSettings, units},
};

#[derive(Args, Debug)]
pub(super) struct Create {
    /// Its id: letters, digits, `.`, `_` and `-`, at most 63. By default the role and a few random characters.
    #[arg(value_name = "ID", value_parser = id)]
    id: Option<AccessTokenId>,
    /// What its bearer may do.
    #[arg(long, value_enum)]
    role: Role,
    /// Only in this integration, as `acme-erp`. Can be given more than once. Needed for the role `preprocess`.
    #[arg(long = "integration", value_name = "ID", value_parser = integration, value_delimiter = ',')]
    integrations: Vec<IntegrationId>,
    /// The edge that it is for, as `edges/eu-1`. Needed for the role `edge`.
    #[arg(long, value_name = "EDGE", value_parser = edge)]
    edge: Option<EdgeId>,
    /// When it ends by itself, from now on, as `90d`, `12h` or `30m`. Never, where it is not given.
    #[arg(long, value_name = "LIFETIME", value_parser = units::lifetime)]
    expires: Option<Duration>,
    /// For people; at most 255 bytes.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,
    /// Make it in the database in this folder, of which no control plane is running: the first one, or where no other is
    /// left. Nothing of `--server` and its kind counts then.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

/// The roles, as people write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Everything.
    Admin,
    /// Read and write configuration, and test endpoints.
    Editor,
    /// Read configuration.
    Viewer,
    /// Be an edge: get the configuration.
    Edge,
    /// Look customers up.
    Preprocess,
}

impl Create {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let request = self.request()?;
        let (format, made) = match &self.data {
            Some(data) => (self.output.alone(), create_offline(data, request).await?),
            None => {
                let format = self.output.format(&self.admin)?;
                (format, self.admin.connect().await?.create_access_token(request).await?)
            }
        };
        if let Some(format) = format {
            return Ok(output::print(&manifest::write(&made, format)?)?);
        }
        let token = one(made.access_token)?;
        // The secret is alone on standard output, to be piped into a file.
        output::note(&format!("{}its secret, which is shown this once:\n", shown::one(&token)));
        Ok(output::print(&format!("{}\n", made.secret))?)
    }

    fn request(&self) -> Result<CreateAccessTokenRequest, Failure> {
        let role = match self.role {
            Role::Admin => access_token::Role::Admin,
            Role::Editor => access_token::Role::Editor,
            Role::Viewer => access_token::Role::Viewer,
            Role::Edge => access_token::Role::Edge,
            Role::Preprocess => access_token::Role::Preprocess,
        };
        let id = match &self.id {
            Some(id) => id.as_str().to_owned(),
            None => self.random_id()?,
        };
        let access_token = AccessToken {
            display_name: self.display_name.clone(),
            role: role.into(),
            integrations: self.integrations.iter().map(ToString::to_string).collect(),
            edge: self.edge.as_ref().map(ToString::to_string).unwrap_or_default(),
            expire_time: self.expires.map(|lifetime| (SystemTime::now() + lifetime).into()),
            ..AccessToken::default()
        };
        Ok(CreateAccessTokenRequest {
            access_token_id: id,
            access_token: Some(access_token),
            ..CreateAccessTokenRequest::default()
        })
    }

    fn random_id(&self) -> Result<String, Failure> {
        let role = self.role.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let random = getrandom::u32().map_err(std::io::Error::from)?;
        Ok(format!("{role}-{random:08x}"))
    }
}

fn id(text: &str) -> Result<AccessTokenId, pointsman_routing::name::NameError> {
    AccessTokenId::parse(text.strip_prefix("accessTokens/").unwrap_or(text))
}

fn integration(text: &str) -> Result<IntegrationId, pointsman_routing::name::NameError> {
    IntegrationId::parse(text.strip_prefix("integrations/").unwrap_or(text))
}

fn edge(text: &str) -> Result<EdgeId, pointsman_routing::name::NameError> {
    EdgeId::parse(text.strip_prefix("edges/").unwrap_or(text))
}
