//! Every fast kernel against its plain form, on each instruction set of this machine and with several threads.

mod adafactor;
mod bf16;
mod numbers;
mod reduce;
mod step;
