//! What the services of all four kinds have in common: create, get, list, update, delete.

use std::ops::ControlFlow;

use pointsman_routing::fault::Fault;
use prost::Message as _;
use prost_types::FieldMask;
use tonic::{Response, Status};

use super::{
    call,
    convert::{self, Admin, integration::parse_parent, mask::Mask},
    status,
};
use crate::{
    PublicUrl,
    domain::{
        Caller, Resource, Revision,
        filter::{Field, Filter},
    },
    registry::{Answer, Call, Cursor, IfMissing, List, Registry, Target},
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

/// What a list asks for, beside its parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'r> {
    pub(super) page_size: i32,
    pub(super) page_token: &'r str,
    pub(super) filter: &'r str,
}

/// What an update asks for.
pub(super) struct Update<M> {
    pub(super) message: Option<M>,
    pub(super) mask: Option<FieldMask>,
    pub(super) allow_missing: bool,
}

impl<'r> Asked<'r> {
    pub(super) const fn new(page_size: i32, page_token: &'r str, filter: &'r str) -> Self {
        Self { page_size, page_token, filter }
    }

    /// The length of a page and the filter of a list with these fields, or everything that is wrong with them.
    pub(super) fn read(&self, fields: &[Field]) -> Result<(usize, Filter), Vec<Fault>> {
        let filter = Filter::parse(self.filter, fields).map_err(|error| Fault::new("filter", error));
        match (page_limit(self.page_size), filter) {
            (Ok(limit), Ok(filter)) => Ok((limit, filter)),
            (limit, filter) => Err(limit.err().into_iter().chain(filter.err()).collect()),
        }
    }
}

impl Crud {
    pub(super) fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { registry, urls }
    }

    /// What the other methods of a service need.
    pub(super) fn parts(&self) -> (&Registry, &PublicUrl) {
        (&self.registry, &self.urls)
    }

    /// Creates the resource `id` below `parent`, which is empty for kinds that lie in nothing. `answer` takes it and the
    /// revision.
    pub(super) async fn create<K: Admin, R: Answer>(
        &self,
        call: Call,
        (parent, id): (&str, &str),
        message: Option<K::Message>,
        answer: fn(K::Message, i64) -> R,
    ) -> Result<Response<R>, Status> {
        let name = K::compose(parent, id);
        let Some(message) = message else {
            let faults = name.err().into_iter().flatten().chain([missing::<K>()]).collect();
            return Err(call::refused(&call, faults));
        };
        let draft = convert::draft::<K>(K::FIELD.to_owned(), name, message);
        let answer = self.answer_with::<K, R>(&call, answer);
        self.registry.create(call, draft, answer).await.map(Response::new).map_err(status::from_error)
    }

    pub(super) async fn get<K: Admin>(&self, caller: &Caller, name: &str) -> Result<K::Message, Status> {
        let name =
            convert::parse_name::<K>("name", name).map_err(|fault| status::from_faults(vec![fault]))?;
        let resource = self.registry.get::<K>(caller, name).await.map_err(status::from_error)?;
        Ok(convert::message(resource, &self.urls))
    }

    /// A page of the resources below `parent` (none for kinds that lie in nothing), and the token of the next one.
    pub(super) async fn list<K: Admin>(
        &self,
        caller: Caller,
        parent: Option<&str>,
        asked: Asked<'_>,
    ) -> Result<(Vec<K::Message>, String), Status> {
        let integration = match parent {
            None | Some(ALL_INTEGRATIONS) => Ok(None),
            Some(parent) => parse_parent(parent).map(Some),
        };
        let (integration, (limit, filter)) = match (integration, asked.read(K::FILTERED)) {
            (Ok(integration), Ok(asked)) => (integration, asked),
            (integration, asked) => {
                let faults = integration.err().into_iter().chain(asked.err().into_iter().flatten());
                return Err(status::from_faults(faults.collect()));
            }
        };
        let bound_to = List::bound_to(&caller, asked.filter);
        let list = format!("{} {} {bound_to}", K::MESSAGE, parent.unwrap_or_default());
        let cursor = Cursor::new(self.registry.page_key(), list);
        let after = cursor.open(asked.page_token).map_err(|error| status::from_error(error.into()))?;

        let urls = self.urls.clone();
        let add = move |page: &mut Page<K>, resource: Resource<K>| page.add(resource, limit, &urls);
        let list = List { caller, parent: integration, filter, after };
        let listed = self.registry.list(list, Page::<K>::default(), add).await.map_err(status::from_error)?;
        let page = listed.page;
        let next = if page.more { Some(page.last) } else { listed.up_to };
        Ok((page.messages, next.map(|last| cursor.seal(&last)).unwrap_or_default()))
    }

    /// `answer` takes the resource and the revision.
    pub(super) async fn update<K: Admin, R: Answer>(
        &self,
        call: Call,
        update: Update<K::Message>,
        answer: fn(K::Message, i64) -> R,
    ) -> Result<Response<R>, Status> {
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
                return Err(call::refused(&call, name.err().into_iter().chain(unknown).collect()));
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
        let target = Target { name, etag, if_missing };
        let answer = self.answer_with::<K, R>(&call, answer);
        let updated = self.registry.update(call, target, edit, answer).await;
        updated.map(Response::new).map_err(status::from_error)
    }

    /// `answer` takes the revision.
    pub(super) async fn delete<K: Admin, R: Answer>(
        &self,
        call: Call,
        name: &str,
        etag: String,
        answer: fn(i64) -> R,
    ) -> Result<Response<R>, Status> {
        let name = convert::parse_name::<K>("name", name);
        let name = name.map_err(|fault| call::refused(&call, vec![fault]))?;
        let keep = call.keep;
        let answer = move |revision| answer(made(revision, keep));
        let deleted = self.registry.delete::<K, R>(call, name, etag, answer).await;
        deleted.map(Response::new).map_err(status::from_error)
    }

    /// What turns a resource as it was written into an answer to `call`.
    pub(super) fn answer_with<K: Admin, R: 'static>(
        &self,
        call: &Call,
        answer: fn(K::Message, i64) -> R,
    ) -> impl FnOnce(Resource<K>, Revision) -> R + Send + 'static + use<K, R> {
        let (urls, keep) = (self.urls.clone(), call.keep);
        move |resource, revision| answer(convert::message(resource, &urls), made(revision, keep))
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

/// The revision of an answer: 0 where nothing was to be written.
pub(super) fn made(revision: Revision, keep: Keep) -> i64 {
    match keep {
        Keep::Changes => revision.number(),
        Keep::Nothing => 0,
    }
}

fn missing<K: Admin>() -> Fault {
    Fault::new(K::FIELD, "is missing")
}
