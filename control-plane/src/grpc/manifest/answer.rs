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
pub(super) fn of(outcome: Outcome) -> Result<ApplyManifestResponse, Error> {
    within(outcome, MANIFEST_BYTES_MAX, FIELDS_BYTES_MAX)
}

fn within(
    Outcome { applied, plan, revision }: Outcome,
    bytes_max: usize,
    fields_bytes_max: usize,
) -> Result<ApplyManifestResponse, Error> {
    let mut answer = ApplyManifestResponse { plan, revision: revision.number(), ..Default::default() };
    let (mut bytes, mut fields_bytes) = (ANSWER_BYTES, 0);
    answer.changes.reserve_exact(applied.len());
    for applied in applied {
        let mut change = change(applied);
        let fields: usize = change.changes.iter().map(|field| field.encoded_len() + FRAMING_BYTES).sum();
        if fields_bytes + fields > fields_bytes_max {
            change.changes.clear();
            answer.without_fields = answer.without_fields.saturating_add(1);
        } else {
            fields_bytes += fields;
        }
        bytes += change.encoded_len() + FRAMING_BYTES;
        if bytes > bytes_max {
            return Err(Error::TooLarge { limit_bytes: bytes_max });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Revision;

    fn outcome(resources: usize) -> Outcome {
        let field = domain::FieldChange {
            field: "display_name".to_owned(),
            before: Some("x".repeat(100)),
            after: None,
            reroutes: false,
        };
        let applied = |id| Applied {
            name: format!("customers/c{id}").parse().unwrap(),
            action: Action::Updated,
            changes: vec![field.clone()],
            adopted_from: None,
        };
        Outcome {
            applied: (0..resources).map(applied).collect(),
            plan: "p".to_owned(),
            revision: Revision::new(7),
        }
    }

    #[test]
    fn a_long_answer_goes_without_fields_and_is_never_longer_than_a_message() {
        let all = within(outcome(10), 10_000, 5_000).unwrap();
        assert_eq!((all.changes.len(), all.without_fields), (10, 0));
        let some = within(outcome(100), 10_000, 5_000).unwrap();
        let told = some.changes.iter().filter(|change| !change.changes.is_empty()).count();
        assert_eq!((some.changes.len(), some.without_fields), (100, 100 - i32::try_from(told).unwrap()));
        assert!(told > 30 && some.encoded_len() <= 10_000, "{told} in {} bytes", some.encoded_len());
        // A write that nobody can be told of is refused before it is made.
        let refused = within(outcome(1_000), 10_000, 5_000);
        assert!(matches!(refused, Err(Error::TooLarge { limit_bytes: 10_000 })), "{refused:?}");
    }
}
