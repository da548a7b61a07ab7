//! Endpoint tokens: the secret part of a public webhook URL.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pointsman_routing::{integration::EndpointType, table::EndpointToken};

/// 192 bits, which is 32 characters of base64url without padding. The design asks for 128 at least.
const TOKEN_BYTES: usize = 24;

/// The tokens that lead to a deployment. The first of each list is the one that is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentTokens {
    /// What the integration's endpoints stand for, and so which of the tokens count. `None` where it is not known yet.
    pub endpoint_type: Option<EndpointType>,
    /// Those of the deployment's own endpoint.
    pub own: Vec<EndpointToken>,
    /// Those of its flows' endpoints, by the flow's key.
    pub flows: BTreeMap<String, Vec<EndpointToken>>,
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// A new token from the system's randomness.
pub fn random_token() -> Result<EndpointToken, RandomError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(EndpointToken::parse(&URL_SAFE_NO_PAD.encode(bytes)).expect("base64url of 24 bytes is a token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_of_128_bits_at_least() {
        let [one, other] = [(); 2].map(|()| random_token().unwrap());
        assert_ne!(one, other);
        let bytes = URL_SAFE_NO_PAD.decode(one.expose()).unwrap();
        assert!(bytes.len() * 8 >= 128, "{} bytes", bytes.len());
    }
}
