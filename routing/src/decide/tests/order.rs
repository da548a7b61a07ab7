//! Which failure answers, and what is looked up at all.

use super::*;

/// Everything is wrong at once; each stage that is put right uncovers the next.
#[test]
fn the_first_failure_answers() {
    let mut world = World::new();
    world.spec.external_customer_user_id = Some(reference("results.user"));
    put(&mut world.table, deployment("bowlers-inc", "bowlers-inc", true));
    let nothing: &[(&str, &str)] = &[];
    assert_eq!(world.decide(nothing).way(), "customer_not_resolved");
    assert_eq!(world.decide(&[("customer", "nobody")]).way(), "customer_unknown");
    let customer = ("customer", "progix-1001");
    assert_eq!(world.decide(&[customer]).way(), "customer_user_not_resolved");
    assert_eq!(world.decide(&[customer, ("user", "u")]).way(), "deployment_paused");
    put(&mut world.table, deployment("bowlers-inc", "bowlers-inc", false));
    assert_eq!(world.decide(&[customer, ("user", "u")]).way(), "flow_not_resolved");
    assert_eq!(world.decide(&[customer, ("user", "u"), ("flow", "x")]).way(), "flow_unknown");
    let decided = world.decide(&[customer, ("user", "u"), ("flow", "create-order")]);
    assert_eq!(decided.way(), "bowlers-inc/create-order");
    let stages: Vec<Stage> = decided.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [Stage::Customer, Stage::CustomerUser, Stage::Deployment, Stage::Flow]);
}

/// All references are read in one pass, but a later one's fault waits for its turn.
#[test]
fn a_fault_in_a_later_reference_does_not_answer_first() {
    let mut world = World::new();
    let reply = |customer: &str| {
        Results::Reply(Reply(BTreeMap::from([
            ("customer".to_owned(), ReplyValue::String(customer.to_owned())),
            ("flow".to_owned(), ReplyValue::Number(0.5)),
        ])))
    };
    assert_eq!(world.decide_results(&reply("nobody")).way(), "customer_unknown");
    assert_eq!(world.decide_results(&reply("progix-1001")).way(), "preprocess_failed");
    put(&mut world.table, deployment("bowlers-inc", "bowlers-inc", true));
    assert_eq!(world.decide_results(&reply("progix-1001")).way(), "deployment_paused");
}

/// A directory that notes what it is asked, and can fail at it.
struct Watched<'a> {
    table: &'a Table,
    asked: RefCell<Vec<&'static str>>,
    fails_at: &'static str,
}

impl<'a> Watched<'a> {
    fn ask<T>(
        &self,
        what: &'static str,
        answer: impl FnOnce(&'a Table) -> Result<T, Infallible>,
    ) -> Result<T, &'static str> {
        self.asked.borrow_mut().push(what);
        if what == self.fails_at {
            return Err(what);
        }
        let Ok(answer) = answer(self.table);
        Ok(answer)
    }
}

impl<'a> Directory for Watched<'a> {
    type Error = &'static str;
    type Mapping<'d>
        = FoundMapping<'a>
    where
        Self: 'd;

    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, &'static str> {
        self.ask("customer", |table| table.customer(id))
    }

    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, &'static str> {
        self.ask("customer_by_external_id", |table| table.customer_by_external_id(external_id))
    }

    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<FoundMapping<'a>>, &'static str> {
        self.ask("mapping", |table| table.mapping(integration, source_customer_id))
    }

    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, &'static str> {
        self.ask("deployment_for", |table| table.deployment_for(integration, customer))
    }
}

/// What is asked on the way of a good request, failing at one of the questions.
fn ask(world: &World, fails_at: &'static str) -> (Option<&'static str>, Vec<&'static str>) {
    let directory = Watched { table: &world.table, asked: RefCell::default(), fails_at };
    let text = |text: &str| ReplyValue::String(text.to_owned());
    let id = if fails_at.contains("external") { "progix-1001" } else { "A06DFFAC" };
    let reply =
        BTreeMap::from([("customer".to_owned(), text(id)), ("flow".to_owned(), text("create-order"))]);
    let results = Results::Reply(Reply(reply));
    let failed = match decide(&world.integration(), &world.target, &results, &directory, &mut ()) {
        Ok(_) => None,
        Err(NoRoute::Directory(failed)) => Some(failed),
        Err(NoRoute::Refused(refusal)) => panic!("{refusal}"),
    };
    (failed, directory.asked.into_inner())
}

#[test]
fn only_what_is_needed_is_looked_up_and_a_failing_directory_ends_it() {
    let mut looked_up = World::new();
    looked_up.spec.external_customer_id.as_mut().unwrap().lookup_customer_mappings = true;
    assert_eq!(ask(&looked_up, ""), (None, vec!["mapping", "customer", "deployment_for"]));
    assert_eq!(ask(&looked_up, "mapping"), (Some("mapping"), vec!["mapping"]));
    assert_eq!(ask(&looked_up, "customer"), (Some("customer"), vec!["mapping", "customer"]));
    assert_eq!(ask(&looked_up, "deployment_for").0, Some("deployment_for"));
    let direct = "customer_by_external_id";
    assert_eq!(ask(&World::new(), direct), (Some(direct), vec![direct]));
    let own = World::instance_specific(deployment("own", "bowlers-inc", false));
    assert_eq!(ask(&own, ""), (None, vec!["customer"]));
}

/// Parsing prevents both, but a decision must not depend on it.
#[test]
fn a_target_that_does_not_fit_the_integration_is_refused() {
    let mut world = World::instance_specific(deployment("own", "bowlers-inc", false));
    world.target = Target::Shared;
    let decided = world.decide(&[("customer", "progix-1001"), ("flow", "create-order")]);
    assert_eq!(decided.way(), "customer_not_resolved");

    let mut world = World::flow_specific(deployment("own", "bowlers-inc", false), "create-order");
    world.spec.flow_name = None;
    world.target = Target::Deployment(deployment("own", "bowlers-inc", false));
    let decided = world.decide(&[]);
    assert_eq!(decided.way(), "flow_not_resolved");
    assert_eq!(decided.detail(), "the endpoint does not say which flow runs");
}
