//! What a control plane refuses, for people: its sentence with the code and the reason, then everything that is wrong,
//! one line each.

use pointsman_sdk::admin::Refused;

use super::style::shown;

pub(crate) fn refused(refused: &Refused) -> String {
    let fields = refused.fields.iter().map(|fault| (&fault.field, &fault.description));
    let preconditions = refused.other_preconditions().map(|found| (&found.subject, &found.description));
    let faults: Vec<_> =
        fields.chain(preconditions).map(|(subject, description)| line(subject, description)).collect();

    let message = shown(&refused.message);
    let mut text = match faults.as_slice() {
        // The sentence says it all.
        [only] if message.contains(only.as_str()) => message,
        // The sentence is the first fault, and how many more there are: they all come below.
        [first, ..] if message.starts_with(first.as_str()) => count(refused, faults.len()) + &lines(&faults),
        _ => message + &lines(&faults),
    };
    let labels = labels(refused);
    let end = text.find('\n').unwrap_or(text.len());
    text.insert_str(end, &if end == 0 { labels } else { format!(" ({labels})") });

    if let Some(resource) = &refused.resource
        && !text.contains(&resource.name)
    {
        text.push_str(&format!("\n  {}", shown(&resource.name)));
    }
    for (key, value) in refused.reason.iter().flat_map(|reason| &reason.metadata) {
        if key == LEFT_OUT {
            text.push_str(&format!("\n  and {} more", shown(value)));
        } else if !value.split(',').all(|part| text.contains(part)) {
            text.push_str(&format!("\n  {}: {}", shown(key), shown(value)));
        }
    }
    text
}

/// A fault, with what it is about unless it says so itself.
fn line(subject: &str, description: &str) -> String {
    let (subject, description) = (shown(subject), shown(description));
    // A name that has parts; a field may have that of any word.
    let names_it = subject.contains('/') && description.contains(&subject);
    if names_it { description } else { format!("{subject}: {description}") }
}

/// The metadata that counts what an answer had no room for.
const LEFT_OUT: &str = "leftOut";

/// The code, and the reason where it says more.
fn labels(refused: &Refused) -> String {
    let code = refused.code_name();
    match &refused.reason {
        Some(reason) if reason.reason != code => format!("{code}, {}", shown(&reason.reason)),
        _ => code.to_owned(),
    }
}

fn count(refused: &Refused, named: usize) -> String {
    let left_out = refused.reason.as_ref().and_then(|reason| reason.metadata.get(LEFT_OUT)?.parse().ok());
    format!("{} faults", named + left_out.unwrap_or(0_usize))
}

fn lines(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pointsman_sdk::admin::{FieldFault, Precondition, Reason, Resource};
    use tonic::Code;

    use super::*;

    fn nothing(code: Code, message: &str) -> Refused {
        Refused {
            code,
            message: message.to_owned(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            resource: None,
            reason: None,
        }
    }

    fn fault(field: &str) -> FieldFault {
        FieldFault { field: field.to_owned(), description: "is wrong\n".to_owned() }
    }

    fn reason(reason: &str, metadata: &[(&str, &str)]) -> Reason {
        let metadata: BTreeMap<_, _> =
            metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Reason { reason: reason.to_owned(), domain: "pointsman".to_owned(), metadata }
    }

    #[test]
    fn all_faults_have_a_line() {
        let precondition = Precondition {
            kind: "IN_USE".to_owned(),
            subject: "customers/a".to_owned(),
            description: "is used".to_owned(),
        };
        let said = refused(&Refused {
            fields: vec![fault("a"), fault("b")],
            preconditions: vec![precondition],
            reason: Some(reason("INVALID_ARGUMENT", &[])),
            ..nothing(Code::InvalidArgument, "this cannot be")
        });
        assert_eq!(
            said,
            "this cannot be (INVALID_ARGUMENT)\n  a: is wrong\\n\n  b: is wrong\\n\n  customers/a: is used"
        );
    }

    #[test]
    fn a_sentence_that_is_the_first_fault_becomes_their_count() {
        let faulty = Refused {
            fields: vec![fault("a"), fault("b")],
            reason: Some(reason("INVALID_ARGUMENT", &[("leftOut", "3")])),
            ..nothing(Code::InvalidArgument, "a: is wrong\n (and 4 more)")
        };
        assert_eq!(
            refused(&faulty),
            "5 faults (INVALID_ARGUMENT)\n  a: is wrong\\n\n  b: is wrong\\n\n  and 3 more"
        );
        let one = Refused { fields: vec![fault("a")], ..nothing(Code::InvalidArgument, "a: is wrong\n") };
        assert_eq!(refused(&one), "a: is wrong\\n (INVALID_ARGUMENT)");
    }

    #[test]
    fn a_fault_that_names_what_it_is_about_does_so_once() {
        let in_use = |user: &str| Precondition {
            kind: "IN_USE".to_owned(),
            subject: user.to_owned(),
            description: format!("customers/a is used by {user}"),
        };
        let said = refused(&Refused {
            preconditions: vec![in_use("x/b"), in_use("x/c")],
            reason: Some(reason("IN_USE", &[])),
            ..nothing(Code::FailedPrecondition, "customers/a is used by x/b (and 1 more)")
        });
        assert_eq!(
            said,
            "2 faults (FAILED_PRECONDITION, IN_USE)\n  customers/a is used by x/b\n  customers/a is used by x/c"
        );
    }

    #[test]
    fn a_rule_that_a_field_breaks_is_told_once() {
        let fault = FieldFault { field: "a".into(), description: "is taken".into() };
        let precondition =
            Precondition { kind: "T".into(), subject: "customers/b".into(), description: "is taken".into() };
        let said = refused(&Refused {
            fields: vec![fault],
            preconditions: vec![precondition],
            reason: Some(reason("EXTERNAL_ID_TAKEN", &[])),
            ..nothing(Code::FailedPrecondition, "refused")
        });
        assert_eq!(said, "refused (FAILED_PRECONDITION, EXTERNAL_ID_TAKEN)\n  a: is taken");
    }

    #[test]
    fn a_resource_is_named_once() {
        let resource = Resource { kind: "t".into(), name: "customers/a".into(), description: "x".into() };
        let named =
            Refused { resource: Some(resource), ..nothing(Code::NotFound, "there is no customers/a") };
        assert_eq!(refused(&named), "there is no customers/a (NOT_FOUND)");
        assert_eq!(refused(&Refused { message: "no".into(), ..named }), "no (NOT_FOUND)\n  customers/a");
        assert_eq!(refused(&nothing(Code::Internal, "")), "INTERNAL");
    }

    #[test]
    fn what_the_sentence_tells_is_not_told_again() {
        let said = refused(&Refused {
            reason: Some(reason("ROLE_NOT_ENOUGH", &[("neededRoles", "admin,editor")])),
            ..nothing(Code::PermissionDenied, "this needs admin or editor")
        });
        assert_eq!(said, "this needs admin or editor (PERMISSION_DENIED, ROLE_NOT_ENOUGH)");
    }

    #[test]
    fn what_else_the_reason_tells_is_told() {
        let said = refused(&Refused {
            reason: Some(reason("ROLE_MISSING", &[("requiredRole", "editor")])),
            ..nothing(Code::PermissionDenied, "you may not")
        });
        assert_eq!(said, "you may not (PERMISSION_DENIED, ROLE_MISSING)\n  requiredRole: editor");
    }
}
