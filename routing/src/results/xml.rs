//! XML as data: the root element is one key, child elements are keys, repeated ones an array, attributes `@name`, text a
//! trimmed string, or `#text` beside attributes or children.
//!
//! quick-xml finds the borders of markup and pairs the tags; what else makes XML well-formed is checked here, because a
//! reader that is laxer could see another element. There is no DOCTYPE, so there are no entities but the five.

use std::borrow::Cow;

use quick_xml::{Reader as Events, events::Event};

use self::element::Element;
use super::{
    found::{Fault, Read},
    paths::Paths,
};

mod element;
mod markup;
#[cfg(test)]
mod tests;

/// The deepest that elements may stand in each other.
const MAX_DEPTH: usize = 128;

/// Reads the values at `paths` into the same places of `read`; places without a path stay as they are. A fault of the
/// document is an error; one that only some paths meet stands in their places.
pub(super) fn read<'d>(document: &'d [u8], paths: &Paths<'_>, read: &mut [Read<'d>]) -> Result<(), Fault> {
    let text = std::str::from_utf8(document)
        .map_err(|error| Fault::at(error.valid_up_to(), "the XML document is not UTF-8"))?;
    markup::check_characters(text)?;
    let mut events = Events::from_str(text);
    events.config_mut().check_comments = true;
    let mut reader =
        Reader { open: vec![Element::document(paths)], skipped: 0, has_root: false, paths, read };
    loop {
        let position = offset(events.buffer_position());
        let event = events
            .read_event()
            .map_err(|_| Fault::at(offset(events.error_position()), "the XML document is not well-formed"))?;
        let end = matches!(event, Event::Eof);
        reader.event(event, position).map_err(|reason| Fault::at(position, reason))?;
        if end {
            return Ok(());
        }
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

struct Reader<'p, 'r, 'd> {
    /// The elements that are open and on the way to a reference, below the document itself.
    open: Vec<Element>,
    /// How many elements are open below those.
    skipped: usize,
    has_root: bool,
    paths: &'r Paths<'p>,
    read: &'r mut [Read<'d>],
}

impl Reader<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>, position: usize) -> Result<(), &'static str> {
        match event {
            Event::Start(tag) => self.start(tag.name().as_ref(), tag.attributes_raw()),
            Event::Empty(tag) => {
                self.start(tag.name().as_ref(), tag.attributes_raw())?;
                self.end();
                Ok(())
            }
            Event::End(_) => {
                self.end();
                Ok(())
            }
            Event::Text(text) => {
                if markup::ends_cdata(&text) {
                    return Err("`]]>` stands in text");
                }
                self.text(&text, || text.xml10_content())
            }
            Event::CData(text) if self.is_inside() => self.text(&text, || text.xml10_content()),
            Event::GeneralRef(reference) if self.is_inside() => {
                let mut buffer = [0; 4];
                let text = &*markup::resolve(&reference)?.encode_utf8(&mut buffer);
                self.text(text, || text.into())
            }
            Event::CData(_) | Event::GeneralRef(_) => Err(OUTSIDE),
            Event::Decl(declaration) if position == 0 => {
                markup::check_declaration(declaration.strip_prefix("xml").unwrap_or_default())
            }
            Event::Decl(_) => Err("an XML declaration stands behind the start of the document"),
            Event::PI(instruction) => {
                markup::check_target(instruction.target())?;
                self.tear();
                Ok(())
            }
            Event::Comment(_) => {
                self.tear();
                Ok(())
            }
            Event::DocType(_) => Err("the XML document has a DOCTYPE"),
            Event::Eof if self.is_inside() => Err("the XML document ends too early"),
            Event::Eof if !self.has_root => Err("the XML document has no element"),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, name: &str, attributes: &str) -> Result<(), &'static str> {
        if !self.is_inside() && std::mem::replace(&mut self.has_root, true) {
            return Err("the XML document has two root elements");
        }
        if self.open.len() + self.skipped > MAX_DEPTH {
            return Err("XML is deeper than 128");
        }
        markup::check_name(name)?;
        let attributes = markup::attributes(attributes)?;
        let inside = match (self.skipped, self.open.last_mut()) {
            (0, Some(parent)) => parent.child(name, self.paths, self.read),
            _ => Vec::new(),
        };
        if inside.is_empty() {
            self.skipped += 1;
        } else {
            let element = Element::open(inside, &attributes, self.paths, self.read);
            self.open.push(element);
        }
        Ok(())
    }

    /// The innermost element ends. There is one: quick-xml has paired the tags.
    fn end(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if let Some(element) = self.open.pop() {
            element.close(self.paths, self.read);
        }
    }

    /// Text as it was written, and what readers are given of it.
    fn text<'t>(&mut self, raw: &str, content: impl FnOnce() -> Cow<'t, str>) -> Result<(), &'static str> {
        if !self.is_inside() {
            return if markup::is_blank(raw) { Ok(()) } else { Err(OUTSIDE) };
        }
        if let (0, Some(element)) = (self.skipped, self.open.last_mut()) {
            element.text(raw, content);
        }
        Ok(())
    }

    /// A comment or a processing instruction stands here, which breaks the text around it for some readers.
    fn tear(&mut self) {
        if let (0, Some(element)) = (self.skipped, self.open.last_mut()) {
            element.tear("a comment or a processing instruction stands in its text");
        }
    }

    /// Whether an element is open.
    fn is_inside(&self) -> bool {
        self.open.len() + self.skipped > 1
    }
}

const OUTSIDE: &str = "text stands outside of the root element";
