//! Pausing deployments and resuming them: writes of `state` alone.

use pointsman_routing::deployment::DeploymentSpec;

use super::{Answer, Call, Draft, Error, Registry, Target, Writing, check_etag, not_found, write_one};
use crate::domain::{Kind as _, Resource, Revision};

impl Registry {
    /// Pauses a deployment or resumes it. One that is so already stays as it is.
    pub(crate) async fn set_paused<R: Answer>(
        &self,
        call: Call,
        Target { name, etag, .. }: Target<DeploymentSpec>,
        paused: bool,
        answer: impl FnOnce(Resource<DeploymentSpec>, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let set = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&DeploymentSpec::resource_name(&name))?;
            let current = writing
                .transaction
                .snapshot()
                .get(&name)?
                .ok_or_else(|| not_found::<DeploymentSpec>(&name))?;
            check_etag(&name, Some(&current), &etag)?;
            let resource =
                write_one(writing, draft(current, paused), &name).map_err(Error::about_the_name)?;
            Ok(answer(resource, writing.revision()))
        };
        self.write(call, set).await
    }
}

fn draft(current: Resource<DeploymentSpec>, paused: bool) -> Draft<DeploymentSpec> {
    const AT: &str = "deployment";
    let spec = DeploymentSpec { paused, ..current.spec.clone() };
    if paused {
        // One that today's rules would refuse must not go on taking requests because of it.
        Draft::of(Resource { spec, ..current }, AT)
    } else {
        Draft::new(AT, Ok(current.name), current.meta.display_name, spec, Vec::new())
    }
}
