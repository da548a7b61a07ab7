//! What to do about a failure.

use pointsman_control_plane::{
    BackupError, BuildError, CopyError, RestoreError,
    grpc::access_token::OfflineError,
    store::{OpenError, RotateError, SecretKeyError},
};
use pointsman_sdk::admin::{AdminError, ConnectError, Reason, Refused};
use tonic::Code;

use super::{Failure, SecretKeyFailure, serve::ServeError};
use crate::{output::style::shown, profiles::ProfilesError, settings::admin::AdminConnectError};

/// How a token is given, for who has none.
const TOKEN: &str = "give an access token with --token-file FILE, POINTSMAN_TOKEN_FILE or POINTSMAN_TOKEN, or keep it \
                     with `pointsman profile set NAME --server URL --token-file FILE`; the first one is made on the \
                     control plane's machine: `pointsman token create --data DIR`";

impl Failure {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Advised { hint, .. } => return Some(hint.clone()),
            Self::Connect(error) => return of_connecting(error),
            Self::Call(AdminError::Refused(refused)) => return of_refusal(refused),
            Self::Call(AdminError::Unreachable { server, reason }) => unreachable(server, reason),
            Self::Call(AdminError::Timeout { .. }) => {
                "give it more time with --timeout DURATION; a write may have been made all the same"
            }
            Self::Profiles(error) => return of_profiles(error),
            Self::Serve(ServeError::ControlPlane(BuildError::Plaintext(_))) => {
                "TLS takes --tls-cert and --tls-key; --admin-plaintext says that plaintext is meant"
            }
            Self::Serve(ServeError::ControlPlane(BuildError::NoAdminToken { data, .. })) => {
                return Some(format!(
                    "make the first one: `pointsman token create --data {} --role admin > admin.token`",
                    data.display()
                ));
            }
            Self::Offline(OfflineError::Open(OpenError::InUse { .. })) => {
                "a control plane runs on it: leave --data out, and make the token through it with --server URL"
            }
            Self::Offline(OfflineError::Open(error))
            | Self::Serve(ServeError::ControlPlane(BuildError::Open(error)))
            | Self::Backup(BackupError::Copy(CopyError::Source(error)))
            | Self::Restore(RestoreError::Folder(error)) => return of_opening(error),
            Self::SecretKey(SecretKeyFailure::Rotate(RotateError::Open(error))) => return of_opening(error),
            Self::Backup(BackupError::Exists(_)) => "--force replaces it",
            Self::Restore(RestoreError::Exists(_)) => {
                "--force puts the backup in its place, and keeps it beside"
            }
            Self::Restore(RestoreError::Backup(CopyError::Source(OpenError::Damaged { .. }))) => {
                "restore an earlier backup; nothing was changed"
            }
            Self::Partly { .. } => {
                "what is named before is done; mend the rest, and repeat with --allow-missing"
            }
            Self::NoUrl { .. } => {
                "shared endpoints are at the integration, instance- and flow-specific ones at its deployments"
            }
            Self::Manifest(_) => "nothing was sent; docs/manifest.md has all fields",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_connecting(error: &AdminConnectError) -> Option<String> {
    let hint = match error {
        AdminConnectError::Connect(ConnectError::Unreachable { server, reason }) => {
            unreachable(server, reason)
        }
        AdminConnectError::Connect(ConnectError::TokenInPlaintext { .. }) => {
            "use https:// in --server URL; --token-over-plaintext says that plaintext is meant"
        }
        AdminConnectError::Connect(ConnectError::Token { .. }) => TOKEN,
        AdminConnectError::Profile(error) => return of_profiles(error),
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_profiles(error: &ProfilesError) -> Option<String> {
    let hint = match error {
        ProfilesError::NoProfile { .. } => {
            "`pointsman profile list` shows what there is, `pointsman profile set NAME --server URL` makes one"
        }
        ProfilesError::Faulty { .. } => {
            "mend the file, or go without it: --profile '' takes no profile; docs/cli.md has all fields"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_opening(error: &OpenError) -> Option<String> {
    let hint = match error {
        OpenError::Damaged { .. } => {
            "`pointsman restore --data DIR --from FILE --force` puts a backup in its place, and keeps it beside"
        }
        OpenError::InUse { .. } => {
            "one control plane works on a folder, and none while a backup is restored: stop the other first"
        }
        OpenError::Key(SecretKeyError::Missing { .. }) => {
            "docs/secrets.md says where keys are looked for, and what to do where one is lost"
        }
        OpenError::Key(_) => "docs/secrets.md says what a key file holds, and who may read it",
        OpenError::Busy { .. } => "a shell of SQLite, or a copy under way? find the program and end it",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Where the control plane's disk or database fails, which its answer explains.
fn of_database(reason: &str) -> Option<&'static str> {
    let hint = match reason {
        "DISK_FULL" => {
            "make room on the control plane's disk, and repeat; nothing was changed, no restart is needed"
        }
        "DATABASE_BUSY" => {
            "find the program that holds pointsman.db, end it, and repeat; nothing was changed"
        }
        "DATABASE_READ_ONLY" | "DISK_FAILED" => "docs/operations.md says what writes can fail for",
        "DATABASE_DAMAGED" => "stop the control plane and `pointsman restore` a backup",
        _ => return None,
    };
    Some(hint)
}

fn of_refusal(refused: &Refused) -> Option<String> {
    if let Some(hint) = refused.reason.as_ref().and_then(|found| of_database(&found.reason)) {
        return Some(hint.to_owned());
    }
    let hint = match refused.code {
        Code::Unauthenticated => of_token(refused.reason.as_ref()),
        Code::PermissionDenied => return Some(of_missing_role(refused.reason.as_ref())),
        Code::NotFound => return Some(of_missing(refused)),
        Code::AlreadyExists if is_of_token(resource(refused)) => {
            "take another name; `pointsman token list` lists those that there are"
        }
        Code::AlreadyExists => "change what is there with `pointsman apply`, or take another name",
        Code::Aborted if refused.reason.as_ref().is_some_and(|found| found.reason == "PLAN_CHANGED") => {
            "somebody else changed it while it was shown: apply again to see the difference of now; nothing was changed"
        }
        Code::Aborted => {
            "it was changed meanwhile: read it again with `pointsman get NAME -o yaml`, and repeat; nothing was changed"
        }
        Code::Unavailable => "the control plane is starting, stopping or busy: try again",
        Code::DeadlineExceeded => {
            "give it more time with --timeout DURATION; a write may have been made all the same"
        }
        Code::Unimplemented => "the control plane is older than this command, or not a control plane",
        Code::InvalidArgument | Code::OutOfRange => {
            "mend what is named above, and repeat; nothing was changed"
        }
        Code::FailedPrecondition => {
            return Some(format!("{}; nothing was changed", of_preconditions(refused)));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// A token that is missing can be given; one that does not hold any more cannot be mended.
fn of_token(reason: Option<&Reason>) -> &'static str {
    match reason.map(|reason| reason.reason.as_str()) {
        Some("TOKEN_UNKNOWN" | "TOKEN_EXPIRED" | "TOKEN_REVOKED") => {
            "give another token as you gave this one; an admin makes one with `pointsman token create`"
        }
        _ => TOKEN,
    }
}

/// The roles that it takes stand in the reason's metadata.
fn of_missing_role(reason: Option<&Reason>) -> String {
    let roles = reason.and_then(|reason| reason.metadata.get("neededRoles"));
    let roles: Vec<_> = roles.map(|roles| roles.split(',').collect()).unwrap_or_default();
    // The one that may do the least of what else there is.
    let least = ["viewer", "editor", "edge"].into_iter().find(|role| roles.contains(role));
    match (least.or(roles.first().copied()), roles.as_slice()) {
        (Some(least), roles) => format!(
            "that takes an access token with the role {}; `pointsman token create --role {least}` of an admin makes one",
            shown(&roles.join(" or "))
        ),
        (None, _) => {
            "that takes an access token for more; an admin makes one with `pointsman token create`".to_owned()
        }
    }
}

/// Where the names are listed that there are.
fn of_missing(refused: &Refused) -> String {
    let name = resource(refused);
    if is_of_token(name) {
        return "`pointsman token list` lists what there is".to_owned();
    }
    if let Some((integration, _)) = name.split_once('@') {
        let id = integration.rsplit('/').next().unwrap_or_default();
        return format!("`pointsman revisions {}` lists what there is", shown(id));
    }
    let kind = refused.resource.as_ref().map_or("", |resource| resource.kind.as_str());
    match kind.strip_prefix("pointsman.admin.v1.").unwrap_or_default() {
        // Known by something else than names.
        "CustomerMapping" if !name.starts_with("integrations/") => {
            return "`pointsman get integrations/-/customerMappings` lists what there is, to the letter"
                .to_owned();
        }
        "Customer" if !name.starts_with("customers/") => {
            return "`pointsman get customers` lists what there is, to the letter".to_owned();
        }
        _ => {}
    }
    let collection = name.rsplit_once('/').map_or("", |(collection, _)| collection);
    if collection.is_empty() {
        return "`pointsman get integrations`, `get customers`, `get edges` list what there is".to_owned();
    }
    format!("`pointsman get {}` lists what there is", shown(collection))
}

/// What the refusal is about; empty where it does not say.
fn resource(refused: &Refused) -> &str {
    refused.resource.as_ref().map_or("", |resource| resource.name.as_str())
}

/// Access tokens have commands of their own.
fn is_of_token(name: &str) -> bool {
    name.starts_with("accessTokens/")
}

fn of_preconditions(refused: &Refused) -> &'static str {
    let is = |kind: &str| refused.preconditions.iter().any(|found| found.kind == kind);
    if refused.preconditions.iter().any(|found| is_of_token(&found.subject)) {
        "`pointsman token revoke` ends it, and then it can be removed"
    } else if is("IN_USE") || is("FLOW_IN_USE") {
        "remove or change first what uses it"
    } else if is("OWNED_BY_ANOTHER") {
        "--adopt takes it over, where that is agreed with its owner"
    } else if is("MASS_REMOVAL") {
        "look whether the files are all there; --allow-mass-removal says that it is meant"
    } else if is("NOTHING_HELD_BACK") || is("EDGE_NOT_CONNECTED") {
        "`pointsman edges` shows which edges are connected, and what they hold back"
    } else if is("HELD_BACK_CHANGED") {
        "look with `pointsman edges` at what it holds back now, and repeat"
    } else if is("INTEGRATION_NOT_FOUND") || is("CUSTOMER_NOT_FOUND") || is("FLOW_NOT_FOUND") {
        "make first what is missing, or put it into the same manifest"
    } else {
        "mend what is named above, and repeat"
    }
}

/// What may be wrong where no connection comes about. The reasons are the words of TLS and HTTP/2,
/// which of them also a matter of luck.
fn unreachable(server: &str, reason: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["invalid peer certificate"]) {
        "name the CA of its certificate with --server-ca FILE, and the server as its certificate does"
    } else if says(&["CertificateRequired", "BadCertificate", "UnknownCA", "DecryptError"])
        // The handshake was fine for this side, and then the other one went.
        || server.starts_with("https") && says(&["broken pipe", "reset", "connection closed"])
    {
        "it asks for a client's certificate that it knows: --client-cert FILE and --client-key FILE"
    } else if says(&["corrupt message", "http2 error", "broken pipe", "reset"]) {
        "something else answers there: TLS takes https:// in --server URL, plaintext http://"
    } else {
        "is it running? start one with `pointsman up --data DIR`, or name another with --server URL"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pointsman_sdk::admin::{Precondition, Resource};

    use super::*;

    fn hint(code: Code, change: impl FnOnce(&mut Refused)) -> String {
        let mut refused = Refused {
            code,
            message: String::new(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            resource: None,
            reason: None,
        };
        change(&mut refused);
        Failure::Call(AdminError::Refused(Box::new(refused))).hint().unwrap_or_default()
    }

    #[test]
    fn who_is_not_known_hears_how_a_token_is_given() {
        let hint = hint(Code::Unauthenticated, |_| ());
        for way in ["--token-file", "POINTSMAN_TOKEN", "pointsman profile set", "pointsman token create"] {
            assert!(hint.contains(way), "{hint}");
        }
    }

    #[test]
    fn a_token_that_does_not_hold_is_not_asked_for_again() {
        for (reason, expected) in
            [("TOKEN_EXPIRED", "give another token"), ("TOKEN_MISSING", "--token-file FILE")]
        {
            let reason =
                Reason { reason: reason.to_owned(), domain: String::new(), metadata: BTreeMap::new() };
            let hint = hint(Code::Unauthenticated, |refused| refused.reason = Some(reason));
            assert!(hint.contains(expected), "{hint}");
        }
    }

    #[test]
    fn who_may_not_hears_which_role_it_takes() {
        let metadata = BTreeMap::from([("neededRoles".to_owned(), "admin,editor".to_owned())]);
        let reason = Reason { reason: "ROLE".to_owned(), domain: "pointsman".to_owned(), metadata };
        let hint = hint(Code::PermissionDenied, |refused| refused.reason = Some(reason));
        assert!(hint.contains("with the role admin or editor"), "{hint}");
        assert!(hint.contains("`pointsman token create --role editor`"), "{hint}");
    }

    #[test]
    fn who_misses_something_hears_where_the_names_are() {
        let name = "integrations/acme-erp/deployments/x".to_owned();
        let resource = Resource { kind: String::new(), name, description: String::new() };
        let hint = hint(Code::NotFound, |refused| refused.resource = Some(resource));
        assert!(hint.contains("`pointsman get integrations/acme-erp/deployments`"), "{hint}");
    }

    #[test]
    fn what_has_no_name_is_listed_too() {
        for (kind, name, way) in [
            ("IntegrationRevision", "integrations/acme-erp@77", "`pointsman revisions acme-erp`"),
            ("CustomerMapping", "a06dffac", "`pointsman get integrations/-/customerMappings`"),
            ("Customer", "progix-1", "`pointsman get customers`"),
        ] {
            let kind = format!("pointsman.admin.v1.{kind}");
            let resource = Resource { kind, name: name.to_owned(), description: String::new() };
            let hint = hint(Code::NotFound, |refused| refused.resource = Some(resource));
            assert!(hint.contains(way), "{hint}");
        }
    }

    #[test]
    fn what_get_does_not_list_has_commands_of_its_own() {
        let named =
            |name: &str| Resource { kind: String::new(), name: name.to_owned(), description: String::new() };
        for (code, name, command) in [
            (Code::NotFound, "accessTokens/ci", "`pointsman token list`"),
            (Code::AlreadyExists, "accessTokens/ci", "`pointsman token list`"),
            (Code::NotFound, "integrations/acme-erp@17", "`pointsman revisions acme-erp`"),
        ] {
            let hint = hint(code, |refused| refused.resource = Some(named(name)));
            assert!(hint.contains(command) && !hint.contains("pointsman get"), "{name}: {hint}");
        }
        let subject = "accessTokens/ci".to_owned();
        let precondition = Precondition { kind: "IN_USE".to_owned(), subject, description: String::new() };
        let hint = hint(Code::FailedPrecondition, |refused| refused.preconditions.push(precondition));
        assert!(hint.contains("`pointsman token revoke`"), "{hint}");
    }

    #[test]
    fn what_a_manifest_is_refused_for_has_a_way_out() {
        for (kind, way) in [
            ("OWNED_BY_ANOTHER", "--adopt"),
            ("MASS_REMOVAL", "--allow-mass-removal"),
            ("CUSTOMER_NOT_FOUND", "same manifest"),
        ] {
            let precondition =
                Precondition { kind: kind.to_owned(), subject: String::new(), description: String::new() };
            let hint = hint(Code::FailedPrecondition, |refused| refused.preconditions.push(precondition));
            assert!(hint.contains(way), "{kind}: {hint}");
        }
        let metadata = BTreeMap::new();
        let reason = Reason { reason: "PLAN_CHANGED".to_owned(), domain: "pointsman".to_owned(), metadata };
        let hint = hint(Code::Aborted, |refused| refused.reason = Some(reason));
        assert!(hint.contains("apply again"), "{hint}");
    }

    #[test]
    fn each_code_that_can_be_helped_has_a_hint() {
        for code in [
            Code::InvalidArgument,
            Code::NotFound,
            Code::AlreadyExists,
            Code::FailedPrecondition,
            Code::Aborted,
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Unimplemented,
            Code::Unauthenticated,
            Code::PermissionDenied,
        ] {
            assert!(!hint(code, |_| ()).is_empty(), "{code:?}");
        }
        assert_eq!(hint(Code::Internal, |_| ()), "", "its message says where to look");
    }
}
