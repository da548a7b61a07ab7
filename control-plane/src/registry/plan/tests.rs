//! A plan that was compared with a state that is no more.

use std::time::SystemTime;

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec, table::EndpointToken};

use super::Plan;
use crate::{
    domain::{Caller, REDACTED, Resource, Revision},
    registry::{Action, Call, Draft, Endpoint, Error, Manifest, TokensDraft, Writing},
    store::Keep,
    testkit::{Plane, acme, patient, put_acme, put_customer, put_deployment},
};

const DEPLOYMENT: &str = "integrations/i/deployments/d";

async fn state(plane: &Plane) -> (Resource<DeploymentSpec>, Revision) {
    let read = plane.store.read(|snapshot| {
        let deployment = snapshot.get::<DeploymentSpec>(&DEPLOYMENT.parse().unwrap())?.unwrap();
        Ok::<_, Error>((deployment, snapshot.head()?.revision))
    });
    read.await.unwrap()
}

/// The deployment as an export has it, with another display name, and a token for its own endpoint.
fn manifest(mut spec: DeploymentSpec) -> Manifest {
    for endpoint in spec.flow_endpoints.values_mut() {
        endpoint.headers.values_mut().for_each(|value| REDACTED.clone_into(value));
    }
    let name = Ok(DEPLOYMENT.parse().unwrap());
    Manifest {
        deployments: vec![Draft::new("d", name, "new".to_owned(), spec, Vec::new())],
        endpoint_tokens: vec![TokensDraft {
            at: "t".to_owned(),
            endpoint: Some(Endpoint::Integration("integrations/i".parse().unwrap())),
            tokens: vec![EndpointToken::parse("a-token-that-moves-along").unwrap()],
            faults: Vec::new(),
        }],
        ..Manifest::default()
    }
}

#[tokio::test]
async fn what_changed_since_is_compared_anew() {
    let plane = Plane::new(patient());
    plane
        .write(|tx| {
            put_acme(tx, "i", acme());
            put_customer(tx, "c", "1");
            put_deployment(tx, "i", "d", "c", false);
        })
        .await;
    let (before, seen) = state(&plane).await;
    let mut plan = Plan::of_manifest(manifest(before.spec.clone()), Default::default());
    let compare = plane.store.read(move |snapshot| {
        let compared = plan.compare(*snapshot, &Caller::local())?;
        assert!(!compared.is_nothing());
        Ok::<_, Error>(plan)
    });
    let mut plan = compare.await.unwrap();

    // Meanwhile somebody gives the flows other secrets, and the deployment to somebody else.
    let mut between = before.clone();
    between.spec.customer = "customers/e".to_owned();
    for endpoint in between.spec.flow_endpoints.values_mut() {
        endpoint.headers.insert("authorization".to_owned(), "Bearer newer".to_owned());
    }
    plane
        .write(move |tx| {
            put_customer(tx, "e", "5");
            between.meta.revision = tx.revision();
            tx.put(&between).unwrap();
        })
        .await;

    let call = Call::new(Caller::local(), "test");
    let write = plane.store.write(Keep::Changes, move |transaction| {
        assert_ne!(transaction.head_revision(), seen);
        let mut writing = Writing::new(transaction, &call, SystemTime::now());
        plan.carry_out(&mut writing)?;
        Ok::<_, Error>(plan.applied())
    });
    let applied = write.await.unwrap().value;

    let deployment = applied.iter().find(|applied| applied.name.to_string() == DEPLOYMENT).unwrap();
    let fields: Vec<_> = deployment.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!((deployment.action, fields), (Action::Updated, vec!["display_name", "customer"]));
    // The integration stands in it once, for its token.
    assert_eq!(applied.len(), 2);
    // What stood for the secrets stands for those of now, and not for those that it was first compared with.
    let (after, _) = state(&plane).await;
    assert!(
        after
            .spec
            .flow_endpoints
            .values()
            .all(|endpoint| endpoint.headers["authorization"] == "Bearer newer")
    );
    assert_eq!(after.spec.customer, "customers/c");
    let tokens = plane.store.read(|snapshot| {
        let integration = snapshot.get::<IntegrationSpec>(&"integrations/i".parse().unwrap())?;
        Ok::<_, Error>(integration.unwrap().tokens)
    });
    assert_eq!(tokens.await.unwrap()[0].expose(), "a-token-that-moves-along");
}
