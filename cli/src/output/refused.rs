//! What a control plane refuses, for people: its sentence, then everything that is wrong, one line each.

use pointsman_sdk::admin::Refused;

use super::style::shown;

pub(crate) fn refused(refused: &Refused) -> String {
    let mut text = match refused.message.as_str() {
        "" => format!("{:?}", refused.code),
        message => shown(message),
    };
    let fields = refused.fields.iter().map(|fault| (&fault.field, &fault.description));
    let preconditions = refused.other_preconditions().map(|found| (&found.subject, &found.description));
    for (subject, description) in fields.chain(preconditions) {
        let line = format!("{}: {}", shown(subject), shown(description));
        // The sentence may be the first of them.
        if !text.starts_with(&line) {
            text.push_str("\n  ");
            text.push_str(&line);
        }
    }
    if let Some(resource) = &refused.resource
        && !text.contains(&resource.name)
    {
        text.push_str(&format!("\n  {}", shown(&resource.name)));
    }
    text
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::admin::{FieldFault, Precondition, Resource};
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

    #[test]
    fn all_faults_have_a_line() {
        let fault =
            |field: &str| FieldFault { field: field.to_owned(), description: "is wrong\n".to_owned() };
        let precondition = Precondition {
            kind: "IN_USE".to_owned(),
            subject: "customers/a".to_owned(),
            description: "is used".to_owned(),
        };
        let said = refused(&Refused {
            fields: vec![fault("a"), fault("b")],
            preconditions: vec![precondition],
            ..nothing(Code::InvalidArgument, "3 faults")
        });
        assert_eq!(said, "3 faults\n  a: is wrong\\n\n  b: is wrong\\n\n  customers/a: is used");
    }

    #[test]
    fn the_first_fault_may_be_the_sentence() {
        let fault = |field: &str| FieldFault { field: field.to_owned(), description: "is wrong".to_owned() };
        let said = refused(&Refused {
            fields: vec![fault("a"), fault("b")],
            ..nothing(Code::InvalidArgument, "a: is wrong (and 1 more)")
        });
        assert_eq!(said, "a: is wrong (and 1 more)\n  b: is wrong");
    }

    #[test]
    fn a_rule_that_a_field_breaks_is_told_once() {
        let fault = FieldFault { field: "a".into(), description: "is taken".into() };
        let precondition =
            Precondition { kind: "T".into(), subject: "customers/b".into(), description: "is taken".into() };
        let said = refused(&Refused {
            fields: vec![fault],
            preconditions: vec![precondition],
            ..nothing(Code::FailedPrecondition, "refused")
        });
        assert_eq!(said, "refused\n  a: is taken");
    }

    #[test]
    fn a_resource_is_named_once() {
        let resource = Resource { kind: "t".into(), name: "customers/a".into(), description: "x".into() };
        let named =
            Refused { resource: Some(resource), ..nothing(Code::NotFound, "there is no customers/a") };
        assert_eq!(refused(&named), "there is no customers/a");
        assert_eq!(refused(&Refused { message: "no".into(), ..named }), "no\n  customers/a");
        assert_eq!(refused(&nothing(Code::Internal, "")), "Internal");
    }
}
