//! A checkpoint in the middle of a cycle: Burn's record of the module beside Lookahead's of the optimizer, and the same bits after.

mod support;

use std::error::Error;
use std::fs;

use burn::module::Module;
use burn::store::ModuleRecord;
use lookahead_burn::{AdamW, Lookahead, Record, RuleSet};
use support::{Network, batch};

fn train(optimizer: &mut Lookahead<RuleSet<AdamW>>, mut network: Network, steps: std::ops::Range<usize>) -> Network {
    for step in steps {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.01, network, grads);
    }
    network
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [module, state] = ["network.bpk", "optimizer.record"].map(|name| folder.path().join(name));

    let mut optimizer = Lookahead::new(AdamW::new());
    let network = train(&mut optimizer, Network::new(), 0..23);
    network.clone().into_record().save(&module)?;
    fs::write(&state, optimizer.to_record(&network)?.to_bytes()?)?;
    let undisturbed = train(&mut optimizer, network, 23..60);

    // another process: parameters are found by their paths, whatever their ids are now
    let network = Network::new().load_record(ModuleRecord::load(&module)?);
    let record = Record::from_bytes(&fs::read(&state)?)?;
    let mut optimizer = Lookahead::new(AdamW::new()).load_record(&record, &network)?;
    println!("resumed {} steps after a sync of {}", optimizer.clock().phase(), record.optimizer());
    let resumed = train(&mut optimizer, network, 23..60);
    assert_eq!(resumed.hidden.weight.val().into_data(), undisturbed.hidden.weight.val().into_data());
    println!("test loss {:.4}, as without the stop", resumed.test_loss());

    // another k on purpose is another optimizer, which has to be said
    let refused = Lookahead::around(RuleSet::new(AdamW::new()), longer()?)?.load_record(&record, &resumed);
    println!("with another k: {}", refused.err().ok_or("it was not refused")?);
    Ok(())
}

fn longer() -> Result<lookahead_burn::lookahead::LookaheadConfig, lookahead_burn::Error> {
    use lookahead_burn::lookahead::{LookaheadConfig, SyncPeriod};
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(10)?))
}
