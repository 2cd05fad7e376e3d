//! Each data set's format on files made in exactly that format, what each damage is told, and the way into batches.

mod archives;
mod augment;
mod cifar;
mod digits;
mod download;
mod fashion_mnist;
mod fetch;
mod idx;
mod image_folders;
mod law;
mod loader;
mod order;
mod pairs;
mod server;
mod subwords;
mod support;
mod text;
