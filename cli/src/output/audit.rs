//! The audit, for people: a line for each entry, and below it what differs.

use pointsman_proto::admin::v1::{AuditEntry, audit_entry::Action};

use super::{
    changes::add_fields,
    style::{Style, shown},
};

/// The entries, in their order.
pub(crate) fn listed(entries: &[AuditEntry], style: Style) -> String {
    let mut text = String::new();
    for entry in entries {
        add(&mut text, entry, style);
    }
    text
}

fn add(text: &mut String, entry: &AuditEntry, style: Style) {
    let resource = shown(&entry.resource);
    let what = match entry.action() {
        Action::Created => style.good(format_args!("created {resource}")),
        Action::Updated => style.changed(format_args!("updated {resource}")),
        Action::Removed => style.bad(format_args!("removed {resource}")),
        Action::Rotated => style.changed(format_args!("rotated the URL of {resource}")),
        Action::Revoked => style.bad(format_args!("revoked {resource}")),
        Action::Imported => {
            style.changed(format_args!("imported {} mappings of {resource}", entry.resource_count))
        }
        Action::Accepted => style.changed(format_args!("accepted the configuration for {resource}")),
        Action::Unspecified => format!("changed {resource}"),
    };
    text.push_str(&format!("{}  {what}", style.dim(when(entry))));
    if entry.reroutes {
        text.push_str(&format!("   {}", style.bold("re-routes")));
    }
    text.push('\n');
    text.push_str(&format!("    {}\n", style.dim(circumstances(entry))));
    add_fields(text, &entry.changes, style);
}

/// Who, from where, by what, at which revision, in which request.
fn circumstances(entry: &AuditEntry) -> String {
    let who = if entry.caller.is_empty() { "somebody without a token" } else { &entry.caller };
    let mut text = format!("by {}", shown(who));
    if !entry.peer.is_empty() {
        text.push_str(&format!(" from {}", shown(&entry.peer)));
    }
    let method = entry.method.rsplit('.').next().unwrap_or(&entry.method);
    text.push_str(&format!(", {}, revision {}", shown(method), entry.revision));
    if !entry.request_id.is_empty() {
        text.push_str(&format!(", request {}", shown(&entry.request_id)));
    }
    text
}

/// To the second.
fn when(entry: &AuditEntry) -> String {
    let time = entry.create_time.map(|time| prost_types::Timestamp { nanos: 0, ..time }.to_string());
    time.unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use pointsman_proto::admin::v1::FieldChange;

    use super::*;

    fn entry() -> AuditEntry {
        AuditEntry {
            create_time: Some(prost_types::Timestamp { seconds: 86_400, nanos: 5 }),
            caller: "ci".to_owned(),
            peer: "10.0.0.7:5512".to_owned(),
            method: "pointsman.admin.v1.CustomerService/UpdateCustomer".to_owned(),
            resource: "customers/a".to_owned(),
            action: Action::Updated.into(),
            changes: vec![FieldChange {
                field: "external_id".to_owned(),
                before: Some("1".to_owned()),
                after: Some("2".to_owned()),
                reroutes: true,
            }],
            revision: 7,
            request_id: "r-1".to_owned(),
            reroutes: true,
            resource_count: 1,
            ..AuditEntry::default()
        }
    }

    #[test]
    fn an_entry_says_who_did_what_when_from_where() {
        let local = AuditEntry {
            caller: "local".to_owned(),
            peer: String::new(),
            method: "pointsman token create".to_owned(),
            resource: "accessTokens/a\u{1b}".to_owned(),
            action: Action::Created.into(),
            changes: Vec::new(),
            request_id: String::new(),
            reroutes: false,
            ..entry()
        };
        assert_eq!(
            listed(&[entry(), local], Style::plain()),
            "1970-01-02T00:00:00Z  updated customers/a   re-routes\n\
             \x20   by ci from 10.0.0.7:5512, CustomerService/UpdateCustomer, revision 7, request r-1\n\
             \x20   external_id: \"1\" → \"2\"   re-routes\n\
             1970-01-02T00:00:00Z  created accessTokens/a\\u{1b}\n\
             \x20   by local, pointsman token create, revision 7\n"
        );
    }

    #[test]
    fn what_re_routes_stands_out() {
        let text = listed(&[entry()], Style::coloured());
        assert_eq!(text.matches("\u{1b}[1mre-routes\u{1b}[0m").count(), 2, "{text:?}");
    }
}
