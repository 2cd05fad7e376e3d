//! `lookahead data`: what it fetches, from which servers, and what it says of them.

mod fetch;
// Shared with the tests of the data sets, which use all of them.
#[allow(dead_code)]
#[path = "../../../data/tests/data/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "../../../data/tests/data/support.rs"]
mod support;
