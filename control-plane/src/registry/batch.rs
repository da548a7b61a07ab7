//! Many customer mappings at once, told apart by their source customer ids.

use std::collections::{HashMap, hash_map::Entry};

use pointsman_routing::{
    fault::Fault,
    integration::IntegrationSpec,
    name::{IntegrationId, MappingName, ResourceName},
};

use super::{
    Action, Answer, Applied, Call, Draft, Error, Refused, Registry, Violation, ViolationKind, Writing,
    exists,
    mapping_row::{AnyNames, MappingRow, RowTarget, name_taken, named_otherwise, no_customer, twice},
    plan::{Plan, Steps},
};
use crate::{
    domain::{MappingSpec, Resource, Revision},
    store::{Snapshot, StoreError},
};

/// A mapping as it is after a batch, and what was done to it.
pub(crate) type Upserted = (Resource<MappingSpec>, Action);

impl Registry {
    /// Writes mappings of an integration, all or none. `answer` takes them in the order of the rows.
    pub(crate) async fn upsert_mappings<R: Answer>(
        &self,
        call: Call,
        integration: IntegrationId,
        rows: Vec<MappingRow>,
        answer: impl FnOnce(Vec<Upserted>, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let upsert = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&ResourceName::Integration(integration.clone()))?;
            let snapshot = writing.transaction.snapshot();
            exists(snapshot.contains::<IntegrationSpec>(&integration)?, &integration)?;
            let mut batch = Batch::new(integration);
            for (index, row) in rows.into_iter().enumerate() {
                batch.add(index, row, snapshot)?;
            }
            let mut plan = batch.into_plan();
            plan.carry_out(writing)?;
            let upserted = read_back(plan.applied(), writing.transaction.snapshot())?;
            Ok(answer(upserted, writing.revision()))
        };
        self.write(call, upsert).await
    }
}

fn read_back(applied: Vec<Applied>, snapshot: Snapshot<'_>) -> Result<Vec<Upserted>, Error> {
    let mut upserted = Vec::with_capacity(applied.len());
    for Applied { name, action, .. } in applied {
        let ResourceName::CustomerMapping(mapping) = &name else { continue };
        let resource = snapshot.get::<MappingSpec>(mapping)?;
        upserted.push((resource.ok_or(Error::NotFound(name))?, action));
    }
    Ok(upserted)
}

/// Rows on the way to a plan: which mapping is each, and which customer does it mean?
struct Batch {
    integration: IntegrationId,
    any: AnyNames,
    drafts: Vec<Draft<MappingSpec>>,
    refused: Refused,
    /// Which row names a source customer id.
    sources: HashMap<String, usize>,
    /// Which row writes a mapping.
    names: HashMap<MappingName, usize>,
}

impl Batch {
    fn new(integration: IntegrationId) -> Self {
        Self {
            integration,
            any: AnyNames::default(),
            drafts: Vec::new(),
            refused: Refused::default(),
            sources: HashMap::new(),
            names: HashMap::new(),
        }
    }

    fn add(&mut self, index: usize, row: MappingRow, snapshot: Snapshot<'_>) -> Result<(), StoreError> {
        let at = path(index);
        let faults = row.faults(&self.any);
        let is_faulty = !faults.is_empty();
        for fault in faults {
            self.refused.find_fault(fault.within(&at));
        }
        match self.sources.entry(row.source_customer_id.clone()) {
            Entry::Occupied(earlier) => {
                let field = format!("{at}.source_customer_id");
                self.refused.find_fault(Fault::new(field, twice(&path(*earlier.get()))));
                return Ok(());
            }
            Entry::Vacant(entry) => entry.insert(index),
        };
        if is_faulty {
            return Ok(());
        }
        let (name, customer) =
            (self.name(index, &row, snapshot)?, self.customer(index, row.target.as_ref(), snapshot)?);
        let (Some(name), Some(customer)) = (name, customer) else { return Ok(()) };
        let display_name = match row.display_name {
            Some(display_name) => display_name,
            None => snapshot.get::<MappingSpec>(&name)?.map_or_else(String::new, |now| now.meta.display_name),
        };
        let spec = MappingSpec { source_customer_id: row.source_customer_id, customer };
        self.drafts.push(Draft::new(at, Ok(name), display_name, spec, Vec::new()));
        Ok(())
    }

    /// The mapping that there is for the row's source customer id, or the one that is to be made.
    fn name(
        &mut self,
        index: usize,
        row: &MappingRow,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<MappingName>, StoreError> {
        let at = path(index);
        let field = || Some(format!("{at}.customer_mapping_id"));
        if let Some(current) = snapshot.mapping_with(&self.integration, &row.source_customer_id)? {
            if row.mapping_id.is_empty() || row.mapping_id == current.mapping.as_str() {
                return Ok(Some(current));
            }
            self.refused.break_rule(Violation {
                kind: ViolationKind::SourceIdTaken,
                field: field(),
                subject: current.to_string(),
                reason: named_otherwise(&current),
            });
            return Ok(None);
        }
        let name = MappingName { integration: self.integration.clone(), mapping: row.new_id() };
        if let Some(&earlier) = self.names.get(&name) {
            let reason = format!("{name} {}", twice(&path(earlier)));
            self.refused.find_fault(Fault::new(format!("{at}.customer_mapping_id"), reason));
            return Ok(None);
        }
        if let Some(holder) = snapshot.get::<MappingSpec>(&name)? {
            self.refused.break_rule(Violation {
                kind: ViolationKind::MappingIdTaken,
                field: field(),
                subject: name.to_string(),
                reason: name_taken(&name, &holder.spec.source_customer_id),
            });
            return Ok(None);
        }
        self.names.insert(name.clone(), index);
        Ok(Some(name))
    }

    /// The name of the customer that the row means.
    fn customer(
        &mut self,
        index: usize,
        target: Option<&RowTarget>,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<String>, StoreError> {
        let external_id = match target {
            // Whether it is there is judged with the plan.
            Some(RowTarget::Customer(customer)) => return Ok(Some(customer.clone())),
            Some(RowTarget::ExternalId(external_id)) => external_id,
            None => return Ok(None),
        };
        let found = snapshot.customer_with(external_id)?;
        if found.is_none() {
            self.refused.break_rule(Violation {
                kind: ViolationKind::CustomerMissing,
                field: Some(format!("{}.external_id", path(index))),
                subject: external_id.clone(),
                reason: no_customer(external_id),
            });
        }
        Ok(found.map(|customer| customer.to_string()))
    }

    fn into_plan(self) -> Plan {
        Plan { mappings: Steps::new(self.drafts), refused: self.refused, ..Plan::default() }
    }
}

/// Where a row stands in the request.
fn path(index: usize) -> String {
    format!("rows[{index}]")
}
