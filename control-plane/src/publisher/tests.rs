mod ends;
mod property;
mod stream;
