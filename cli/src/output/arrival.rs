//! A webhook that arrived at a flow, in one line.

use super::style::{Style, shown};
use crate::receiver::Arrival;

pub(crate) fn arrival(arrival: &Arrival, style: Style) -> String {
    let mut said = format!("{} {}", arrival.method, style.bold(shown(&arrival.uri.to_string())));
    for (label, header) in
        [("customer", "pointsman-customer"), ("user", "pointsman-customer-user"), ("flow", "pointsman-flow")]
    {
        let value = arrival.header(header);
        if !value.is_empty() {
            said.push_str(&format!("   {label} {}", shown(value)));
        }
    }
    let execution = arrival.header("pointsman-execution-id");
    let aside = format!("{} bytes   {}", arrival.body.len(), shown(execution));
    format!("{said}   {}\n", style.dim(aside.trim_end()))
}
