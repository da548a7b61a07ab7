//! What an apply did, as its answer.

use pointsman_proto::admin::v1::{ApplyManifestResponse, FieldChange, ManifestChange, manifest_change};
use prost::Message as _;

use super::{ANSWER_BYTES, FRAMING_BYTES, MANIFEST_BYTES_MAX};
use crate::{
    domain,
    registry::{Action, Applied, Error, Outcome},
};

/// What the fields of all changes may take of an answer; the rest is for names.
const FIELDS_BYTES_MAX: usize = MANIFEST_BYTES_MAX / 2;

/// The answer. One that would be too long goes without the fields of its last changes; one that is too long for names
/// alone refuses the write, which nobody could be told of.
pub(super) fn of(Outcome { applied, plan, revision }: Outcome) -> Result<ApplyManifestResponse, Error> {
    let mut answer = ApplyManifestResponse { plan, revision: revision.number(), ..Default::default() };
    let (mut bytes, mut fields_bytes) = (ANSWER_BYTES, 0);
    answer.changes.reserve_exact(applied.len());
    for applied in applied {
        let mut change = change(applied);
        let fields: usize = change.changes.iter().map(|field| field.encoded_len() + FRAMING_BYTES).sum();
        if fields_bytes + fields > FIELDS_BYTES_MAX {
            change.changes.clear();
            answer.without_fields = answer.without_fields.saturating_add(1);
        } else {
            fields_bytes += fields;
        }
        bytes += change.encoded_len() + FRAMING_BYTES;
        if bytes > MANIFEST_BYTES_MAX {
            return Err(Error::TooLarge { limit_bytes: MANIFEST_BYTES_MAX });
        }
        answer.changes.push(change);
    }
    Ok(answer)
}

fn change(Applied { name, action, changes, adopted_from }: Applied) -> ManifestChange {
    let action = match action {
        Action::Created => manifest_change::Action::Created,
        Action::Updated => manifest_change::Action::Updated,
        Action::Unchanged => manifest_change::Action::Unchanged,
        Action::Removed => manifest_change::Action::Removed,
    };
    ManifestChange {
        name: name.to_string(),
        action: action.into(),
        changes: changes.into_iter().map(field).collect(),
        adopted_from: adopted_from.map(|owner| owner.to_string()).unwrap_or_default(),
    }
}

fn field(domain::FieldChange { field, before, after, reroutes }: domain::FieldChange) -> FieldChange {
    FieldChange { field, before, after, reroutes }
}
