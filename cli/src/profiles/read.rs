//! The text of a profile file into [`Profiles`]. Finds all faults at once; no fault quotes a token.

use std::fmt;

use super::{Profile, ProfileName, Profiles};
use crate::{
    manifest::{Node, Value, kind_of},
    nearest::nearest,
    settings::{OutputFormat, Secret, units},
};

const FIELDS: [&str; 8] =
    ["server", "token", "tokenFile", "serverCa", "clientCert", "clientKey", "timeout", "output"];

/// Something that is wrong in a profile file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    line: u64,
    reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.reason)
    }
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Result<Profiles, Vec<Fault>> {
    let node = Node::parse(text).map_err(|reason| vec![syntax(text, reason)])?;
    let mut reader = Reader { faults: Vec::new() };
    let profiles = reader.profiles(&node);
    if reader.faults.is_empty() { Ok(profiles) } else { Err(reader.faults) }
}

/// What the parser says may quote the text, which may be a token.
fn syntax(text: &str, reason: String) -> Fault {
    let place = reason.strip_prefix("line ").map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let line = place.flatten().and_then(|line| line.parse().ok()).unwrap_or(0_u64);
    let faulty = usize::try_from(line).ok().and_then(|line| text.lines().nth(line.checked_sub(1)?));
    if faulty.is_some_and(|faulty| !faulty.to_lowercase().contains("token")) {
        Fault { line: 0, reason }
    } else {
        Fault { line, reason: "it is not YAML; write the value in quotes".to_owned() }
    }
}

struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn profiles(&mut self, node: &Node) -> Profiles {
        let mut profiles = Profiles::default();
        let mut current = None;
        for (key, value) in self.entries(node, "the file") {
            match key.as_str() {
                "current" => {
                    let name = self.text(value, key).and_then(|name| self.name(value, name));
                    current = name.map(|name| (name, value));
                }
                "profiles" => {
                    for (name, value) in self.entries(value, key) {
                        let profile = self.profile(value, name);
                        if let Some(name) = self.name(value, name) {
                            profiles.all.insert(name, profile);
                        }
                    }
                }
                _ => self.unknown(value, key, None, &["current", "profiles"]),
            }
        }
        profiles.current = current.and_then(|(name, node)| match profiles.find(&name) {
            Ok(_) => Some(name),
            Err(none) => {
                self.fault(node, format!("current: {none}"));
                None
            }
        });
        profiles
    }

    fn profile(&mut self, node: &Node, name: &str) -> Profile {
        let mut profile = Profile::default();
        for (key, value) in self.entries(node, &format!("profiles.{name}")) {
            if !FIELDS.contains(&key.as_str()) {
                self.unknown(value, key, Some(name), &FIELDS);
                continue;
            }
            let Some(text) = self.text(value, &format!("profiles.{name}.{key}")) else { continue };
            match key.as_str() {
                "server" => profile.server = Some(text.to_owned()),
                "token" => profile.token = Some(Secret::new(text)),
                "tokenFile" => profile.token_file = Some(text.into()),
                "serverCa" => profile.server_ca = Some(text.into()),
                "clientCert" => profile.client_cert = Some(text.into()),
                "clientKey" => profile.client_key = Some(text.into()),
                "timeout" => match units::duration(text) {
                    Ok(timeout) => profile.timeout = Some(timeout),
                    Err(error) => self.fault(value, format!("profiles.{name}.{key}: {error}")),
                },
                _ => match <OutputFormat as clap::ValueEnum>::from_str(text, false) {
                    Ok(output) => profile.output = Some(output),
                    Err(_) => self.fault(value, format!("profiles.{name}.{key}: write table, json or yaml")),
                },
            }
        }
        if let Some(reason) = profile.conflict() {
            self.fault(node, format!("profiles.{name}: {reason}"));
        }
        profile
    }

    fn entries<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(String, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                self.fault(node, format!("{what} must be an object, not {}", kind_of(other)));
                &[]
            }
        }
    }

    fn name(&mut self, node: &Node, name: &str) -> Option<ProfileName> {
        name.parse().map_err(|error| self.fault(node, format!("{name:?}: {error}"))).ok()
    }

    fn text<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.value {
            Value::String(text) if !text.is_empty() => return Some(text),
            Value::String(_) | Value::Null => self.fault(node, format!("{path}: it is empty")),
            other @ (Value::Number(_) | Value::Bool(_)) => {
                let kind = kind_of(other);
                self.fault(node, format!("{path}: it must be a text, not {kind}: write it in quotes"));
            }
            other => self.fault(node, format!("{path}: it must be a text, not {}", kind_of(other))),
        }
        None
    }

    fn unknown(&mut self, node: &Node, key: &str, profile: Option<&str>, known: &[&str]) {
        let place = profile.map(|name| format!("profiles.{name}: ")).unwrap_or_default();
        let end = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        self.fault(node, format!("{place}unknown field `{key}`; {end}"));
    }

    fn fault(&mut self, node: &Node, reason: String) {
        self.faults.push(Fault { line: node.line, reason });
    }
}

impl Profile {
    /// What in it excludes each other.
    pub(crate) fn conflict(&self) -> Option<&'static str> {
        if self.token.is_some() && self.token_file.is_some() {
            Some("only one of `token` and `tokenFile` can be set")
        } else if self.client_cert.is_some() != self.client_key.is_some() {
            Some("`clientCert` and `clientKey` need each other")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read(text).expect_err("faults").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_profile_has_all_its_fields() {
        let text = "current: a\n\
                    profiles:\n\
                    \x20 a:\n\
                    \x20   server: https://a:7070\n\
                    \x20   tokenFile: a.token\n\
                    \x20   serverCa: ca.pem\n\
                    \x20   clientCert: c.pem\n\
                    \x20   clientKey: k.pem\n\
                    \x20   timeout: 5s\n\
                    \x20   output: json\n\
                    \x20 b: {token: t0ken}\n";
        let profiles = read(text).expect("profiles");
        let name = |name: &str| name.parse::<ProfileName>().expect("a name");
        assert_eq!(profiles.current, Some(name("a")));
        let Profile { server, token, token_file, server_ca, client_cert, client_key, timeout, output } =
            profiles.all[&name("a")].clone();
        assert_eq!((server.as_deref(), token), (Some("https://a:7070"), None));
        let path = |path: &str| Some(path.into());
        assert_eq!((token_file, server_ca), (path("a.token"), path("ca.pem")));
        assert_eq!((client_cert, client_key), (path("c.pem"), path("k.pem")));
        assert_eq!((timeout, output), (Some(Duration::from_secs(5)), Some(OutputFormat::Json)));
        assert_eq!(profiles.all[&name("b")].token, Some(Secret::new("t0ken")));

        let written = profiles.to_node().to_yaml().expect("YAML");
        assert_eq!(read(&written), Ok(profiles));
    }

    #[test]
    fn an_empty_file_has_no_profiles() {
        for text in ["", "# nothing\n", "profiles:\n", "{}"] {
            assert_eq!(read(text), Ok(Profiles::default()), "{text}");
        }
    }

    #[test]
    fn each_fault_has_its_line() {
        let text = "curent: a\n\
                    profiles:\n\
                    \x20 a:\n\
                    \x20   tokenfile: x\n\
                    \x20   timeout: 5\n\
                    \x20   output: xml\n\
                    \x20   server: ''\n\
                    \x20 b c: {clientCert: x}\n\
                    \x20 d: [x]\n";
        assert_eq!(
            faults(text),
            [
                "line 1: unknown field `curent`; did you mean `current`?",
                "line 4: profiles.a: unknown field `tokenfile`; did you mean `tokenFile`?",
                "line 5: profiles.a.timeout: it must be a text, not a number: write it in quotes",
                "line 6: profiles.a.output: write table, json or yaml",
                "line 7: profiles.a.server: it is empty",
                "line 8: profiles.b c: `clientCert` and `clientKey` need each other",
                "line 8: \"b c\": a profile's name has letters, digits, `.`, `_` and `-`, begins with a letter or \
                 digit, and has at most 63",
                "line 9: profiles.d must be an object, not a list",
            ]
        );
        assert_eq!(
            faults("current: stagin\nprofiles: {staging: {}}\n"),
            ["line 1: current: there is no profile `stagin`; did you mean `staging`?"]
        );
    }

    #[test]
    fn no_fault_quotes_a_token() {
        for text in [
            "profiles: {a: {token: *t0psecret}}",
            "profiles:\n  a:\n    token: !t0psecret x\n",
            "profiles:\n  a:\n    token: \"t0psecret\n",
            "profiles:\n  a:\n    token: 123450psecret: x\n",
            "profiles:\n  a:\n    token: [0psecret]\n",
            "profiles:\n  a:\n    token: {0psecret: 1}\n",
            "profiles:\n  a:\n    token: 99990\n    server: [\n",
            "profiles:\n  a:\n    token: x\n    tokenFile: y\n",
        ] {
            for fault in faults(text) {
                assert!(!fault.contains("psecret") && !fault.contains("9999"), "{text}: {fault}");
                assert!(fault.contains("line "), "{text}: {fault}");
            }
        }
    }
}
