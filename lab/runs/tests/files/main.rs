//! Files as the lab reads and writes them: sealed documents, and what is no regular file.

mod regular;
mod sealed;
