use pointsman_proto::admin::v1::{Deployment, FlowEndpoint, Integration};
use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec};
use prost_types::FieldMask;

use super::{Mask, Path};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() })
}

#[test]
fn paths_are_split_at_dots_outside_backticks() {
    let split = |path: &str| Path::parse(path).map(|path| path.0);
    assert_eq!(split("a.b").unwrap(), ["a", "b"]);
    assert_eq!(split("a.`b.c`.d").unwrap(), ["a", "b.c", "d"]);
    assert_eq!(split("`a`").unwrap(), ["a"]);
    for path in ["", ".", "a.", ".a", "a..b", "`a", "a.`b`c", "``"] {
        split(path).expect_err(path);
    }
}

#[test]
fn an_empty_mask_is_no_mask() {
    assert!(matches!(Mask::read::<IntegrationSpec>(None), Ok(Mask::Set)));
    assert!(matches!(Mask::read::<IntegrationSpec>(mask(&[])), Ok(Mask::Set)));
    assert!(matches!(Mask::read::<IntegrationSpec>(mask(&["*"])), Ok(Mask::All)));
}

#[test]
fn each_faulty_path_is_named_with_its_place() {
    let paths =
        ["flows", "flow", "endpoint.type.x", "flow_endpoints", "flows.name", "endpoint.*", "displayName"];
    let errors = Mask::read::<IntegrationSpec>(mask(&paths)).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| error.index).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6]);
    assert!(errors[0].to_string().contains("Integration has no field `flow`"), "{}", errors[0]);
    assert!(errors[5].to_string().ends_with("it is called `display_name`"), "{}", errors[5]);
}

#[test]
fn a_star_is_no_key_of_a_map() {
    let errors =
        Mask::read::<DeploymentSpec>(mask(&["flow_endpoints.*", "flow_endpoints.x.url"])).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("`flow_endpoints` stands for all"), "{}", errors[0]);
}

#[test]
fn the_number_of_paths_is_bounded() {
    let read = |count| Mask::read::<IntegrationSpec>(mask(&vec!["flows"; count]));
    assert!(matches!(read(1_000), Ok(Mask::Paths(paths)) if paths.len() == 1_000));
    let errors = read(1_001).unwrap_err();
    assert_eq!((errors.len(), errors[0].index), (1, 1_000));
    assert!(errors[0].to_string().contains("at most 1000 paths"), "{}", errors[0]);
}

#[test]
fn a_path_into_what_is_not_there_makes_only_what_it_names() {
    let read = Mask::read::<IntegrationSpec>(mask(&["endpoint.preprocess.address"])).unwrap();
    let nothing = Integration::default();
    // Nothing to clear, so nothing appears.
    assert_eq!(read.merge::<IntegrationSpec>(&nothing, &nothing), nothing);
    let mut request = Integration::default();
    let endpoint = request.endpoint.get_or_insert_default();
    endpoint.max_body_bytes = 5;
    endpoint.preprocess.get_or_insert_default().address = "unix:/x".to_owned();
    endpoint.preprocess.get_or_insert_default().metadata.insert("a".to_owned(), "b".to_owned());
    let merged = read.merge::<IntegrationSpec>(&nothing, &request).endpoint.unwrap();
    assert_eq!(merged.max_body_bytes, 0);
    let preprocess = merged.preprocess.unwrap();
    assert_eq!((preprocess.address.as_str(), preprocess.metadata.len()), ("unix:/x", 0));
}

#[test]
fn an_entry_that_the_request_lacks_is_removed() {
    let with = |keys: &[&str]| Deployment {
        flow_endpoints: keys.iter().map(|&key| (key.to_owned(), FlowEndpoint::default())).collect(),
        ..Default::default()
    };
    let paths =
        mask(&["flow_endpoints.a", "flow_endpoints.`b.c`", "flow_endpoints.d.url", "flow_endpoints.new"]);
    let read = Mask::read::<DeploymentSpec>(paths).unwrap();
    let merged = read.merge::<DeploymentSpec>(&with(&["a", "b.c", "d", "e"]), &with(&["new", "ignored"]));
    assert_eq!(merged, with(&["d", "e", "new"]));
}
