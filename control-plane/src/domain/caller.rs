//! Callers: who asks for something, and what they may do.

use std::{fmt, net::SocketAddr, sync::Arc};

use pointsman_routing::name::{EdgeId, IntegrationId, ResourceName};

/// What a caller may do in general.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Read and write configuration, and test endpoints.
    Editor,
    /// Read configuration.
    Viewer,
    /// Be an edge: get the configuration.
    Edge,
    /// Look customers up.
    Preprocess,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Editor, Self::Viewer, Self::Edge, Self::Preprocess];

    /// Its stable label, as people write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::Edge => "edge",
            Self::Preprocess => "preprocess",
        }
    }

    /// The role of this label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.label() == label)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of an access token, [`Caller::LOCAL`], or empty where nobody was asked for a token.
    pub name: Arc<str>,
    /// What it may do in general.
    pub role: Role,
    /// The integrations that it may see; all where there is none. Who has a scope writes no customers.
    pub scope: Option<Arc<[IntegrationId]>>,
    /// The edge that it is, where its role is that of an edge and it is bound to one.
    pub edge: Option<EdgeId>,
    /// Where it called from; none for a command on the machine itself.
    pub peer: Option<SocketAddr>,
}

impl Caller {
    /// The name of a command on the machine itself.
    pub const LOCAL: &'static str = "local";

    /// Anybody, where the control plane asks for no token.
    #[must_use]
    pub fn anybody(peer: Option<SocketAddr>) -> Self {
        Self { name: "".into(), role: Role::Admin, scope: None, edge: None, peer }
    }

    /// A command on the machine itself.
    #[must_use]
    pub fn local() -> Self {
        Self { name: Self::LOCAL.into(), ..Self::anybody(None) }
    }

    /// Whether it may do everything: what only admins may is asked of it where a method's role alone does not say, as for
    /// endpoint tokens in manifests.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether it may be this edge: it is bound to it, or to none.
    #[must_use]
    pub fn may_be(&self, edge: &EdgeId) -> bool {
        self.edge.as_ref().is_none_or(|bound| bound == edge)
    }

    /// Whether it may see this integration and what lies in it.
    #[must_use]
    pub fn sees(&self, integration: &IntegrationId) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.contains(integration))
    }

    /// Whether its scope lets it read this resource. Its role is judged at the door.
    #[must_use]
    pub fn may_read(&self, name: &ResourceName) -> bool {
        name.integration().is_none_or(|integration| self.sees(integration))
    }

    /// Whether its scope lets it write this resource. Its role is judged at the door.
    #[must_use]
    pub fn may_write(&self, name: &ResourceName) -> bool {
        match name.integration() {
            Some(integration) => self.sees(integration),
            None => self.scope.is_none(),
        }
    }
}
