//! `token`: access tokens, which say who may do what.

use clap::{Args, Subcommand};
use pointsman_proto::admin::v1::{
    AccessToken, DeleteAccessTokenRequest, DeleteAccessTokenResponse, GetAccessTokenRequest,
    ListAccessTokensResponse, RevokeAccessTokenRequest,
};

use self::create::Create;
use super::{End, Failure};
use crate::{
    manifest::{self, Document},
    output::{self, Format, tokens as shown},
    settings::{AdminSettings, OutputSettings},
};

mod create;

#[derive(Args, Debug)]
pub(super) struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make an access token, and print its secret: this once.
    Create(Create),
    /// List the access tokens.
    List(List),
    /// Show an access token, without its secret.
    Get(Get),
    /// End an access token at once, with every call and stream of it.
    Revoke(Change),
    /// Remove access tokens that were revoked or have expired.
    Delete(Change),
}

#[derive(Args, Debug)]
struct List {
    /// Only those that it holds for, as `role = "edge"`.
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

#[derive(Args, Debug)]
struct Get {
    /// Its name, as `accessTokens/ci` or `ci`.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

#[derive(Args, Debug)]
struct Change {
    /// Its name, as `accessTokens/ci` or `ci`.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Only if it is still what it was when it was read with this etag.
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
    /// Check everything, but change nothing.
    #[arg(long, visible_alias = "validate-only")]
    dry_run: bool,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Token {
    pub(super) async fn run(self) -> Result<End, Failure> {
        match self.what {
            What::Create(create) => create.run().await?,
            What::List(list) => list.run().await?,
            What::Get(get) => get.run().await?,
            What::Revoke(change) => change.revoke().await?,
            What::Delete(change) => change.delete().await?,
        }
        Ok(End::Fine)
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        let access_tokens = admin.all_access_tokens(&self.filter).await?;
        let all = ListAccessTokensResponse { access_tokens, ..Default::default() };
        print(&all, format, |all| shown::all(&all.access_tokens))
    }
}

impl Get {
    async fn run(self) -> Result<(), Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        let found = admin.get_access_token(GetAccessTokenRequest { name: self.name }).await?.access_token;
        print(&one(found)?, format, shown::one)
    }
}

impl Change {
    async fn revoke(self) -> Result<(), Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        let (name, etag, validate_only) = (self.name, self.etag, self.dry_run);
        let request = RevokeAccessTokenRequest { name, etag, validate_only, ..Default::default() };
        let revoked = admin.revoke_access_token(request).await?.access_token;
        let word = if validate_only { "would be revoked" } else { "is revoked" };
        print(&one(revoked)?, format, |revoked| format!("{} {word}\n", revoked.name))
    }

    async fn delete(self) -> Result<(), Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        let (name, etag, validate_only) = (self.name, self.etag, self.dry_run);
        let said = format!("{name} {}\n", if validate_only { "would be deleted" } else { "is deleted" });
        let request = DeleteAccessTokenRequest { name, etag, validate_only, ..Default::default() };
        let deleted: DeleteAccessTokenResponse = admin.delete_access_token(request).await?;
        print(&deleted, format, |_| said)
    }
}

fn one(found: Option<AccessToken>) -> Result<AccessToken, Failure> {
    found.ok_or_else(|| Failure::Answer("it holds no access token".to_owned()))
}

fn print<T: Document>(
    found: &T,
    format: Option<Format>,
    for_people: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    Ok(output::print(&match format {
        Some(format) => manifest::write(found, format)?,
        None => for_people(found),
    })?)
}

/// Not the name of an access token.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("write it as accessTokens/ID or ID; an ID matches [A-Za-z0-9][A-Za-z0-9._-]{{0,62}}")]
struct NameError;

fn name(text: &str) -> Result<String, NameError> {
    let id = text.strip_prefix("accessTokens/").unwrap_or(text);
    let id = pointsman_routing::name::AccessTokenId::parse(id).map_err(|_| NameError)?;
    Ok(id.to_string())
}
