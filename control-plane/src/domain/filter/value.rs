//! The values of filters, read as what their fields hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pointsman_routing::name::{CustomerId, EdgeId};

use super::{Field, Value, field::Holds};

/// Behind a name, stands for everything below it.
const BELOW: &str = "/*";

pub(super) fn read(field: Field, written: &str) -> Result<Value, String> {
    let name = field.name();
    let text = || Value::Text(written.to_owned());
    match field.holds() {
        Holds::Text => Ok(text()),
        Holds::Customer => match written.parse::<CustomerId>() {
            Ok(_) => Ok(text()),
            Err(error) => Err(format!("{error}; `{name}` looks like `customers/{{customer}}`")),
        },
        Holds::Edge => match written.parse::<EdgeId>() {
            Ok(_) => Ok(text()),
            Err(error) => Err(format!("{error}; `{name}` looks like `edges/{{edge}}`")),
        },
        Holds::ResourceOrBelow => Ok(match written.strip_suffix(BELOW) {
            Some(above) => Value::Prefix(format!("{above}/")),
            None => text(),
        }),
        Holds::Label(labels) if labels.contains(&written) => Ok(text()),
        Holds::Label(labels) => Err(format!("`{name}` is one of {}", labels.join(", "))),
        Holds::Flag => match written {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            _ => Err(format!("`{name}` is `true` or `false`")),
        },
        Holds::Number => {
            written.parse().map(Value::Number).map_err(|_| format!("`{name}` is a whole number"))
        }
        Holds::Time => {
            let read = time(written).map(Value::Time);
            read.ok_or_else(|| format!("`{name}` is a time like `\"2026-05-01T13:30:00Z\"`"))
        }
    }
}

/// RFC 3339. A time before 1970 is 1970: nothing is older.
fn time(text: &str) -> Option<SystemTime> {
    let timestamp: prost_types::Timestamp = text.parse().ok()?;
    let seconds = u64::try_from(timestamp.seconds).unwrap_or_default();
    UNIX_EPOCH.checked_add(Duration::new(seconds, u32::try_from(timestamp.nanos).ok()?))
}
