use async_trait::async_trait;

use super::{
    names::{Answer, Lookup, LookupError},
    *,
};
use crate::config::Egress as Policy;

/// Every name has these addresses.
struct Everywhere(Vec<IpAddr>);

#[async_trait]
impl Lookup for Everywhere {
    async fn lookup(&self, _host: &str) -> Result<Answer, LookupError> {
        Ok(Answer { addresses: self.0.clone(), ttl: std::time::Duration::from_secs(60) })
    }
}

fn egress(policy: Policy, addresses: &[&str]) -> Egress {
    let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    Egress::with_names(policy, Names::new(Everywhere(addresses)))
}

fn forbidden(result: Result<Vec<SocketAddr>, EgressError>) -> Forbidden {
    match result {
        Err(EgressError::Forbidden { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn names_are_judged_by_their_addresses() {
    let egress = egress(Policy::Public, &["169.254.169.254", "10.0.0.1", "1.1.1.1"]);
    let permitted = egress.resolve("flows.example", 443).await.unwrap();
    assert_eq!(permitted, ["1.1.1.1:443".parse().unwrap()]);

    let egress = self::egress(Policy::Private, &["169.254.169.254", "::ffff:169.254.169.254"]);
    assert_eq!(forbidden(egress.resolve("metadata.example", 80).await), Forbidden::LinkLocal);
}

#[tokio::test]
async fn addresses_need_no_resolution_and_are_judged_too() {
    let egress = egress(Policy::Private, &[]);
    assert_eq!(egress.resolve("127.0.0.1", 80).await.unwrap(), ["127.0.0.1:80".parse().unwrap()]);
    assert_eq!(egress.resolve("::1", 80).await.unwrap(), ["[::1]:80".parse().unwrap()]);
    assert_eq!(forbidden(egress.resolve("169.254.169.254", 80).await), Forbidden::LinkLocal);
    assert_eq!(egress.resolve("nothing.example", 80).await.unwrap_err().label(), "no_address");
}

#[tokio::test]
async fn our_own_listeners_are_refused_under_each_of_their_names() {
    let egress = egress(Policy::Private, &[]);
    egress.add_own_listener("127.0.0.1:8080".parse().unwrap());
    for host in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"] {
        assert_eq!(forbidden(egress.resolve(host, 8080).await), Forbidden::OwnListener, "{host}");
        assert!(egress.resolve(host, 8081).await.is_ok(), "{host}");
    }
    assert!(egress.resolve("127.0.0.2", 8080).await.is_ok());
    assert!(egress.resolve("::1", 8080).await.is_ok());
}

#[tokio::test]
async fn a_listener_on_the_wildcard_address_is_every_address_of_this_machine() {
    for wildcard in ["0.0.0.0:8080", "[::]:8080"] {
        let egress = egress(Policy::Private, &[]);
        egress.add_own_listener(wildcard.parse().unwrap());
        for host in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(forbidden(egress.resolve(host, 8080).await), Forbidden::OwnListener, "{host}");
        }
        // Documentation addresses: no machine has them.
        assert!(egress.resolve("203.0.113.7", 8080).await.is_ok(), "of another machine");
        assert!(egress.resolve("127.0.0.1", 8081).await.is_ok(), "another port");
    }
}

#[tokio::test]
async fn localhost_works() {
    let egress = Egress::new(Policy::Private);
    let addresses = egress.resolve("localhost", 80).await.unwrap();
    assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap(), "[::1]:80".parse().unwrap()]);
    assert_eq!(forbidden(Egress::new(Policy::Public).resolve("localhost", 80).await), Forbidden::NotPublic);
}

#[test]
fn senders_of_logs_see_the_reason() {
    let error = EgressError::Forbidden {
        host: "metadata".into(),
        address: "169.254.169.254:80".parse().unwrap(),
        reason: Forbidden::LinkLocal,
    };
    assert_eq!(
        error.to_string(),
        "169.254.169.254:80, an address of metadata, may not be dialled: it is link-local"
    );
}
