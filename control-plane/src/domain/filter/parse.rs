//! The grammar of filters.
//!
//! ```text
//! filter     = [ comparison { spaces "AND" spaces comparison } ]
//! comparison = field operator value
//! operator   = "=" | ">=" | "<"
//! value      = '"' { any character, with `\` before `"` and `\` } '"' | bare
//! bare       = one or more of letters, digits, `- _ . : / @ + *`
//! ```

use super::{Comparison, Field, Operator, value};

/// The longest filter.
pub const FILTER_BYTES_MAX: usize = 2_000;
/// The most comparisons of one.
pub const COMPARISONS_MAX: usize = 20;

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at position {position}: {reason}")]
pub struct FilterError {
    /// The byte at which it is wrong, from 0.
    pub position: usize,
    /// Why.
    pub reason: String,
}

pub(super) fn parse(text: &str, fields: &[Field]) -> Result<Vec<Comparison>, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        let reason =
            format!("the filter is {} bytes long; at most {FILTER_BYTES_MAX} are allowed", text.len());
        return Err(FilterError { position: text.floor_char_boundary(FILTER_BYTES_MAX), reason });
    }
    let mut parser = Parser { text, position: 0 };
    let mut comparisons = Vec::new();
    parser.skip_spaces();
    while !parser.rest().is_empty() {
        if !comparisons.is_empty() {
            parser.and()?;
        }
        if comparisons.len() == COMPARISONS_MAX {
            return Err(parser.fault(format!("at most {COMPARISONS_MAX} comparisons are allowed")));
        }
        comparisons.push(parser.comparison(fields)?);
        parser.skip_spaces();
    }
    Ok(comparisons)
}

struct Parser<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Parser<'t> {
    fn comparison(&mut self, fields: &[Field]) -> Result<Comparison, FilterError> {
        let field = self.field(fields)?;
        self.skip_spaces();
        let operator = self.operator(field)?;
        self.skip_spaces();
        let position = self.position;
        let written = self.value()?;
        let value = value::read(field, &written).map_err(|reason| FilterError { position, reason })?;
        Ok(Comparison { field, operator, value })
    }

    fn field(&mut self, fields: &[Field]) -> Result<Field, FilterError> {
        let known = || {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
            format!("the fields of this list are {}", names.join(", "))
        };
        let name = self.peek(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        if let Some(field) = fields.iter().find(|field| field.name() == name) {
            self.position += name.len();
            return Ok(*field);
        }
        Err(self.fault(match (name, self.rest().chars().next()) {
            ("NOT", _) => "NOT is not supported: comparisons are joined by AND".to_owned(),
            ("", Some('(' | ')')) => {
                "parentheses are not supported: comparisons are joined by AND".to_owned()
            }
            ("", Some(found)) => format!("a field is expected, and this is {found:?}; {}", known()),
            ("", None) => format!("a comparison is missing; {}", known()),
            (name, _) => format!("there is no field `{}`; {}", shown(name), known()),
        }))
    }

    fn operator(&mut self, field: Field) -> Result<Operator, FilterError> {
        let written = self.peek(|c| "=<>!:~".contains(c));
        if let Some(operator) = field.operators().iter().find(|operator| operator.written() == written) {
            self.position += written.len();
            return Ok(*operator);
        }
        let taken: Vec<_> =
            field.operators().iter().map(|operator| format!("`{}`", operator.written())).collect();
        let taken = format!("`{}` is compared with {}", field.name(), taken.join(" or "));
        Err(self.fault(match written {
            "" => format!("an operator is missing: {taken}"),
            _ => format!("`{}` does not do here: {taken}", shown(written)),
        }))
    }

    fn value(&mut self) -> Result<String, FilterError> {
        let value = if self.rest().starts_with('"') { self.quoted()? } else { self.bare()? };
        match self.rest().chars().next() {
            Some(next) if !is_space(next) => {
                Err(self.fault(format!("{next:?} follows the value; one that holds it is quoted with `\"`")))
            }
            _ => Ok(value),
        }
    }

    fn bare(&mut self) -> Result<String, FilterError> {
        let bare = self.peek(|c| c.is_alphanumeric() || "-_.:/@+*".contains(c));
        self.position += bare.len();
        match (bare, self.rest().chars().next()) {
            ("", Some('\'')) => Err(self.fault("values are quoted with `\"`")),
            ("", Some(found)) => {
                Err(self.fault(format!("a value is expected, and this is {found:?}: quote it with `\"`")))
            }
            ("", None) => Err(self.fault("a value is missing")),
            _ => Ok(bare.to_owned()),
        }
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let start = self.position;
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.position = start + offset + 1;
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    _ => {
                        self.position = start + offset;
                        return Err(self.fault("`\\` stands before `\"` or `\\` only"));
                    }
                },
                other => value.push(other),
            }
        }
        Err(self.fault("the quote is not closed"))
    }

    fn and(&mut self) -> Result<(), FilterError> {
        let word = self.peek(|c| !is_space(c));
        if word == "AND" {
            self.position += word.len();
            self.skip_spaces();
            return Ok(());
        }
        Err(self.fault(match word.to_ascii_uppercase().as_str() {
            "AND" => "AND is written in capitals".to_owned(),
            "OR" => "OR is not supported: comparisons are joined by AND".to_owned(),
            _ => format!("AND is expected, and this is `{}`", shown(word)),
        }))
    }

    /// What comes next, as far as its characters are such.
    fn peek(&self, such: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        &rest[..rest.find(|c| !such(c)).unwrap_or(rest.len())]
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn skip_spaces(&mut self) {
        self.position += self.peek(is_space).len();
    }

    fn fault(&self, reason: impl Into<String>) -> FilterError {
        FilterError { position: self.position, reason: reason.into() }
    }
}

impl Operator {
    const fn written(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::AtLeast => ">=",
            Self::Below => "<",
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The beginning of what somebody wrote.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(40)]
}
