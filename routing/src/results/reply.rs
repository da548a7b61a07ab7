//! Reading a Preprocess service's reply.

use std::borrow::Cow;

use super::{
    Reply, ReplyValue,
    found::{Fault, Found, Read},
};
use crate::reference::Step;

/// The largest integer up to which a double has all of them: 2⁵³−1.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Reads the value at `path`.
pub(super) fn read<'s>(reply: &'s Reply, path: &[Step]) -> Read<'s> {
    let Some((Step::Key(first), rest)) = path.split_first() else {
        return Ok(Found::Nothing);
    };
    let value = rest.iter().try_fold(reply.0.get(&**first), |value, step| {
        Some(match (step, value?) {
            (Step::Key(key), ReplyValue::Object(members)) => members.get(&**key),
            (Step::Index(index), ReplyValue::List(elements)) => {
                usize::try_from(*index).ok().and_then(|index| elements.get(index))
            }
            _ => None,
        })
    });
    match value.flatten() {
        Some(ReplyValue::String(text)) => Ok(Found::String(text.into())),
        Some(ReplyValue::Bool(value)) => Ok(Found::Literal(if *value { "true" } else { "false" }.into())),
        Some(ReplyValue::Number(number)) => integer(*number).map(Found::Literal),
        None | Some(ReplyValue::Null | ReplyValue::List(_) | ReplyValue::Object(_)) => Ok(Found::Nothing),
    }
}

/// The digits of a number, of which nothing may have been lost on its way here.
fn integer(number: f64) -> Result<Cow<'static, str>, Fault> {
    if number.fract() != 0.0 || number.abs() > MAX_INTEGER {
        return Err(Fault::new(
            "the Preprocess service returned a number that is not integral or is above 2^53-1: send it as a string",
        ));
    }
    // Adding zero makes a negative zero positive.
    Ok(format!("{:.0}", number + 0.0).into())
}
