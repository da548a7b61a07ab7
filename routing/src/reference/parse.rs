//! The grammar of references.

use super::{
    MAX_REFERENCE_BYTES, MAX_REFERENCE_NESTING, MAX_REFERENCE_STEPS, Path, ReferenceError, Step, unescape,
};

const ROOT: &str = "results";
const JSON: &str = "json(";

/// Parses a reference into its paths, innermost first.
pub(super) fn parse(text: &str) -> Result<Box<[Path]>, ReferenceError> {
    let mut parser = Parser { text, position: 0 };
    if text.len() > MAX_REFERENCE_BYTES {
        return Err(ReferenceError {
            position: MAX_REFERENCE_BYTES,
            reason: format!("a reference is at most {MAX_REFERENCE_BYTES} bytes long"),
        });
    }
    let mut nesting = 0;
    while parser.take(JSON) {
        nesting += 1;
        if nesting > MAX_REFERENCE_NESTING {
            parser.position -= JSON.len();
            return Err(
                parser.fault(format!("json(…) stands at most {MAX_REFERENCE_NESTING} times around itself"))
            );
        }
    }
    if !parser.take(ROOT) {
        return Err(parser.expected("`results` or `json(`"));
    }
    let mut paths = Vec::with_capacity(nesting + 1);
    paths.push(parser.steps()?);
    if paths[0].is_empty() {
        return Err(parser.expected("`.` or `[`, for `results` itself is an object"));
    }
    for _ in 0..nesting {
        if !parser.take(")") {
            return Err(parser.expected("`.`, `[` or `)`"));
        }
        paths.push(parser.steps()?);
    }
    match parser.rest() {
        "" => Ok(paths.into()),
        rest if rest.starts_with(')') => Err(parser.fault("`)` has no `json(` before it")),
        _ => Err(parser.expected("`.`, `[` or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    /// As many steps as there are.
    fn steps(&mut self) -> Result<Path, ReferenceError> {
        let mut steps = Vec::new();
        loop {
            let start = self.position;
            let step = if self.take(".") {
                self.bare_name()?
            } else if self.take("[") {
                let step = self.bracketed()?;
                if !self.take("]") {
                    return Err(self.expected("`]`"));
                }
                step
            } else {
                return Ok(steps.into());
            };
            if steps.len() == MAX_REFERENCE_STEPS {
                self.position = start;
                return Err(
                    self.fault(format!("a document is read at most {MAX_REFERENCE_STEPS} steps deep"))
                );
            }
            steps.push(step);
        }
    }

    fn bare_name(&mut self) -> Result<Step, ReferenceError> {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| is_bare(*byte)).count();
        if length == 0 {
            return Err(self.expected("a name"));
        }
        self.position += length;
        match rest[length..].chars().next() {
            None | Some('.' | '[' | ')') => Ok(Step::Key(rest[..length].into())),
            Some(other) if other.is_whitespace() => Err(self.white_space()),
            Some(other) => {
                Err(self.fault(format!("{} cannot stand in a bare name, only in [\"…\"]", quoted(other))))
            }
        }
    }

    /// What stands in brackets, up to the closing one.
    fn bracketed(&mut self) -> Result<Step, ReferenceError> {
        match self.rest().bytes().next() {
            Some(b'"') => {
                self.position += 1;
                self.string()
            }
            Some(b'0'..=b'9') => self.index(),
            Some(b'-') => Err(self.fault("an index counts from 0 and is never negative")),
            Some(b'\'') => Err(self.fault("a name in brackets stands in double quotes")),
            _ => Err(self.expected("a name in double quotes or an index")),
        }
    }

    /// A quoted name behind its first quote.
    fn string(&mut self) -> Result<Step, ReferenceError> {
        let rest = self.rest();
        let mut escaped = false;
        let Some(length) = rest.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        }) else {
            self.position = self.text.len();
            return Err(self.expected("`\"`"));
        };
        match unescape(&rest.as_bytes()[..length]) {
            Ok(name) => {
                self.position += length + 1;
                Ok(Step::Key(name.into()))
            }
            Err(error) => {
                self.position += error.offset;
                Err(self.fault(error.reason))
            }
        }
    }

    fn index(&mut self) -> Result<Step, ReferenceError> {
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &rest[..length];
        if length > 1 && digits.starts_with('0') {
            return Err(self.fault("an index has no leading 0"));
        }
        let Ok(index) = digits.parse() else {
            return Err(self.fault(format!("an index is at most {}", u32::MAX)));
        };
        self.position += length;
        Ok(Step::Index(index))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// Steps over `token`, if it is what comes next.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn expected(&self, what: &str) -> ReferenceError {
        match self.rest().chars().next() {
            Some(found) if found.is_whitespace() => self.white_space(),
            Some(found) => self.fault(format!("expected {what}, found {}", quoted(found))),
            None => self.fault(format!("expected {what}, found the end")),
        }
    }

    fn white_space(&self) -> ReferenceError {
        self.fault("white space is not allowed in a reference, except in a name in double quotes")
    }

    fn fault(&self, reason: impl Into<String>) -> ReferenceError {
        ReferenceError { position: self.position, reason: reason.into() }
    }
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$' | b':' | b'@' | b'#')
}

fn quoted(character: char) -> String {
    format!("`{}`", character.escape_debug())
}
