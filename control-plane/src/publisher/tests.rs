mod admission;
mod ends;
mod hold;
mod property;
mod stream;
