//! Several hosts: two network namespaces with a link between them.

pub fn check() {}
