//! Writes rows: which mapping is each, and is it as it should be?

use std::time::SystemTime;

use pointsman_routing::name::MappingName;

use super::{
    content::Content,
    feed::Ready,
    progress::{Failure, Last, Progress},
};
use crate::{
    domain::{FieldChange, Fields, MappingSpec, Meta, Resource},
    registry::{
        Writing,
        mapping_row::{name_taken, named_otherwise, no_customer},
    },
    store::{AuditAction, ImportKey, Inserted, MappingWriter, NewMapping, StagedRow, StoreError},
};

/// Mappings of one commit whose change of customer has an entry of its own in the audit; all are counted.
const REROUTED_TOLD: usize = 1_000;

/// Rows on the way into one commit.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) progress: Progress,
    now: SystemTime,
    created: u64,
    updated: u64,
    rerouted: u64,
    rerouted_told: Vec<(MappingName, Vec<FieldChange>)>,
}

/// Why a row is bad.
struct Bad {
    reason: String,
    earlier: Option<u64>,
}

impl Run {
    /// For rows behind those of `progress`.
    pub(super) fn new(progress: Progress, now: SystemTime) -> Self {
        Self { progress, now, created: 0, updated: 0, rerouted: 0, rerouted_told: Vec::new() }
    }

    /// Writes rows, in the order of their source customer ids.
    pub(super) fn take(
        &mut self,
        rows: Vec<Ready>,
        writer: &mut MappingWriter<'_>,
    ) -> Result<(), StoreError> {
        for ready in rows {
            let row = ready.staged.row;
            if self.progress.rows == 0 {
                self.progress.outcome.content = Some(Content::default());
            }
            if let Some(content) = &mut self.progress.outcome.content {
                content.add(&ready.staged);
            }
            self.progress.rows += 1;
            let last = self.progress.last.take();
            let earlier = last.filter(|last| last.source_customer_id == ready.staged.source_customer_id);
            let earlier = earlier.map(|last| last.first);
            let written = match (&ready.staged.fault, earlier) {
                (Some(fault), _) => Err(Bad::because(fault.clone())),
                (None, Some(row)) => Err(Bad {
                    reason: format!("the source customer id stands in row {row} already"),
                    earlier,
                }),
                (None, None) => self.write(&ready, writer)?,
            };
            let source_customer_id = ready.staged.source_customer_id;
            if let Err(Bad { reason, earlier }) = written {
                let source_customer_id = source_customer_id.clone();
                self.progress.outcome.fail(row, || Failure { source_customer_id, reason, earlier });
            }
            self.progress.last = Some(Last { source_customer_id, row, first: earlier.unwrap_or(row) });
        }
        Ok(())
    }

    fn write(
        &mut self,
        Ready { staged, name, uid }: &Ready,
        writer: &mut MappingWriter<'_>,
    ) -> Result<Result<(), Bad>, StoreError> {
        let customer = match (&staged.customer, &staged.external_id) {
            (Some(customer), _) => match writer.customer(customer)? {
                Some(customer) => customer,
                None => return Ok(Err(Bad::because(format!("there is no {customer}")))),
            },
            (None, external_id) => {
                let external_id = external_id.as_deref().unwrap_or_default();
                match writer.customer_with(external_id)? {
                    Some(customer) => customer,
                    None => return Ok(Err(Bad::because(no_customer(external_id)))),
                }
            }
        };
        let inserted = writer.insert(&NewMapping {
            name,
            uid: *uid,
            display_name: staged.display_name.as_deref().unwrap_or_default(),
            time: self.now,
            source_customer_id: &staged.source_customer_id,
            customer: &customer,
        })?;
        match inserted {
            Inserted::Made => {
                self.created += 1;
                self.progress.outcome.created += 1;
            }
            Inserted::Exists(current) => return self.update(staged, &customer, *current, writer),
            Inserted::NameTaken { source_customer_id } => {
                return Ok(Err(Bad::because(name_taken(name, &source_customer_id))));
            }
        }
        Ok(Ok(()))
    }

    fn update(
        &mut self,
        staged: &StagedRow,
        customer: &str,
        current: Resource<MappingSpec>,
        writer: &mut MappingWriter<'_>,
    ) -> Result<Result<(), Bad>, StoreError> {
        if staged.mapping_id.as_deref().is_some_and(|id| id != current.name.mapping.as_str()) {
            return Ok(Err(Bad::because(named_otherwise(&current.name))));
        }
        let display_name = staged.display_name.as_ref().unwrap_or(&current.meta.display_name);
        if current.spec.customer == customer && current.meta.display_name == *display_name {
            self.progress.outcome.unchanged += 1;
            return Ok(Ok(()));
        }
        let meta = Meta {
            display_name: display_name.clone(),
            update_time: self.now,
            revision: writer.revision(),
            ..current.meta.clone()
        };
        let spec = MappingSpec { customer: customer.to_owned(), ..current.spec.clone() };
        let mapping = Resource { name: current.name.clone(), meta, spec, tokens: () };
        writer.put(&mapping)?;
        self.updated += 1;
        self.progress.outcome.updated += 1;
        if current.spec.customer != customer {
            self.rerouted += 1;
            if self.rerouted_told.len() < REROUTED_TOLD {
                let changes = Fields::diff(Some(&Fields::of(&current)), Some(&Fields::of(&mapping)));
                self.rerouted_told.push((mapping.name, changes));
            }
        }
        Ok(Ok(()))
    }

    /// Tells the audit: of all as one, and of each mapping that goes to another customer now, up to a bound.
    pub(super) fn record(
        &mut self,
        key: &ImportKey,
        writing: &mut Writing<'_, '_>,
    ) -> Result<(), StoreError> {
        if self.created + self.updated == 0 {
            return Ok(());
        }
        self.progress.outcome.set_revision(writing.transaction.outcome());
        let field = |field: &str, value: String, reroutes| FieldChange {
            field: field.to_owned(),
            before: None,
            after: Some(value),
            reroutes,
        };
        let changes = vec![
            field("import_id", key.import_id.clone(), false),
            field("created", self.created.to_string(), false),
            field("updated", self.updated.to_string(), false),
            field("rerouted", self.rerouted.to_string(), self.rerouted > 0),
        ];
        writing.audit_many(&key.integration, AuditAction::Imported, changes, self.created + self.updated)?;
        for (mapping, changes) in self.rerouted_told.drain(..) {
            writing.audit(&mapping, AuditAction::Updated, changes)?;
        }
        Ok(())
    }
}

impl Bad {
    fn because(reason: String) -> Self {
        Self { reason, earlier: None }
    }
}
