//! What the services of all four kinds have in common: create, get, list, update, delete.

use std::ops::ControlFlow;

use pointsman_routing::fault::Fault;
use prost::Message as _;
use prost_types::FieldMask;
use tonic::Status;

use super::{
    convert::{self, Admin, integration::parse_parent, mask::Mask},
    status,
};
use crate::{
    PublicUrl,
    domain::Resource,
    registry::{Cursor, IfMissing, List, Registry},
    store::Keep,
};

/// Resources on a page where the request does not say.
const PAGE_SIZE: usize = 50;
/// Resources on a page at most.
const PAGE_SIZE_MAX: usize = 1_000;
/// A page ends earlier where its messages together get this long: clients take 4 MiB by default.
pub(super) const PAGE_BYTES: usize = 3 * 1024 * 1024;

/// The parent that stands for all.
const ALL_INTEGRATIONS: &str = "integrations/-";

/// The common methods, over the registry.
#[derive(Clone, Debug)]
pub(super) struct Crud {
    registry: Registry,
    urls: PublicUrl,
}

/// What an update asks for.
pub(super) struct Update<M> {
    pub(super) message: Option<M>,
    pub(super) mask: Option<FieldMask>,
    pub(super) allow_missing: bool,
    pub(super) validate_only: bool,
}

impl Crud {
    pub(super) fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { registry, urls }
    }

    /// Creates the resource `id` below `parent`, which is empty for kinds that lie in nothing. Answers with it and the
    /// revision.
    pub(super) async fn create<K: Admin>(
        &self,
        parent: &str,
        id: &str,
        message: Option<K::Message>,
        validate_only: bool,
    ) -> Result<(K::Message, i64), Status> {
        let name = K::compose(parent, id);
        let Some(message) = message else {
            let faults = name.err().into_iter().flatten().chain([missing::<K>()]).collect();
            return Err(status::from_faults(faults));
        };
        let draft = convert::draft::<K>(K::FIELD.to_owned(), name, message);
        let written = self.registry.create(draft, keep(validate_only)).await.map_err(status::from_error)?;
        Ok((self.message(written.value), made(written.revision, validate_only)))
    }

    pub(super) async fn get<K: Admin>(&self, name: &str) -> Result<K::Message, Status> {
        let name =
            convert::parse_name::<K>("name", name).map_err(|fault| status::from_faults(vec![fault]))?;
        self.registry.get::<K>(name).await.map(|resource| self.message(resource)).map_err(status::from_error)
    }

    /// A page of the resources below `parent` (none for kinds that lie in nothing), and the token of the next one.
    pub(super) async fn list<K: Admin>(
        &self,
        parent: Option<&str>,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<K::Message>, String), Status> {
        let integration = match parent {
            None | Some(ALL_INTEGRATIONS) => Ok(None),
            Some(parent) => parse_parent(parent).map(Some),
        };
        let (integration, limit) = match (integration, page_limit(page_size)) {
            (Ok(integration), Ok(limit)) => (integration, limit),
            (integration, limit) => {
                return Err(status::from_faults(integration.err().into_iter().chain(limit.err()).collect()));
            }
        };
        let list = format!("{} {}", K::MESSAGE, parent.unwrap_or_default());
        let cursor = Cursor::new(self.registry.page_key(), list);
        let after = cursor.open(page_token).map_err(|error| status::from_error(error.into()))?;

        let urls = self.urls.clone();
        let add = move |page: &mut Page<K>, resource: Resource<K>| page.add(resource, limit, &urls);
        let list = List { parent: integration, after };
        let page = self.registry.list(list, Page::<K>::default(), add).await.map_err(status::from_error)?;
        let next = if page.more { cursor.seal(&page.last) } else { String::new() };
        Ok((page.messages, next))
    }

    /// Answers with the resource and the revision.
    pub(super) async fn update<K: Admin>(
        &self,
        update: Update<K::Message>,
    ) -> Result<(K::Message, i64), Status> {
        let mask = Mask::read::<K>(update.mask);
        let name = update.message.as_ref().map_or_else(
            || Err(missing::<K>()),
            |message| convert::parse_name::<K>(&format!("{}.name", K::FIELD), K::name_and_etag(message).0),
        );
        let (request, name, mask) = match (update.message, name, mask) {
            (Some(request), Ok(name), Ok(mask)) => (request, name, mask),
            (_, name, mask) => {
                let unknown = mask.err().into_iter().flatten();
                let unknown =
                    unknown.map(|error| Fault::new(format!("update_mask.paths[{}]", error.index), &error));
                return Err(status::from_faults(name.err().into_iter().chain(unknown).collect()));
            }
        };
        let etag = K::name_and_etag(&request).1.to_owned();
        let if_missing = if update.allow_missing { IfMissing::Create } else { IfMissing::Fail };
        let urls = self.urls.clone();
        let draft_name = name.clone();
        let edit = move |current: Option<&Resource<K>>| {
            let message = match current {
                Some(current) => mask.merge::<K>(&convert::message(current.clone(), &urls), &request),
                // A mask says what to change, and there is nothing to change yet.
                None => request,
            };
            convert::draft::<K>(K::FIELD.to_owned(), Ok(draft_name), message)
        };
        let written = self
            .registry
            .update(name, etag, if_missing, keep(update.validate_only), edit)
            .await
            .map_err(status::from_error)?;
        Ok((self.message(written.value), made(written.revision, update.validate_only)))
    }

    /// Answers with the revision.
    pub(super) async fn delete<K: Admin>(
        &self,
        name: &str,
        etag: String,
        validate_only: bool,
    ) -> Result<i64, Status> {
        let name =
            convert::parse_name::<K>("name", name).map_err(|fault| status::from_faults(vec![fault]))?;
        let written =
            self.registry.delete::<K>(name, etag, keep(validate_only)).await.map_err(status::from_error)?;
        Ok(made(written.revision, validate_only))
    }

    fn message<K: Admin>(&self, resource: Resource<K>) -> K::Message {
        convert::message(resource, &self.urls)
    }
}

/// A page that grows.
struct Page<K: Admin> {
    messages: Vec<K::Message>,
    bytes: usize,
    last: String,
    more: bool,
}

impl<K: Admin> Page<K> {
    fn add(&mut self, resource: Resource<K>, limit: usize, urls: &PublicUrl) -> ControlFlow<()> {
        if self.messages.len() == limit {
            self.more = true;
            return ControlFlow::Break(());
        }
        let name = resource.name.to_string();
        let message = convert::message(resource, urls);
        self.bytes += message.encoded_len();
        if self.bytes > PAGE_BYTES && !self.messages.is_empty() {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.messages.push(message);
        self.last = name;
        ControlFlow::Continue(())
    }
}

impl<K: Admin> Default for Page<K> {
    fn default() -> Self {
        Self { messages: Vec::new(), bytes: 0, last: String::new(), more: false }
    }
}

pub(super) fn page_limit(page_size: i32) -> Result<usize, Fault> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE_SIZE),
        Ok(size) => Ok(size.min(PAGE_SIZE_MAX)),
        Err(_) => Err(Fault::new("page_size", "is below zero")),
    }
}

pub(super) fn keep(validate_only: bool) -> Keep {
    if validate_only { Keep::Nothing } else { Keep::Changes }
}

/// The revision of an answer: 0 where nothing was to be written.
fn made(revision: crate::domain::Revision, validate_only: bool) -> i64 {
    if validate_only { 0 } else { revision.number() }
}

fn missing<K: Admin>() -> Fault {
    Fault::new(K::FIELD, "is missing")
}
