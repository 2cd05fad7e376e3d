//! The tree of files that unpacking an archive would make, with its links.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::PathBuf;

use super::error::shown;

/// The longest path, in bytes: what operating systems accept.
const LONGEST_PATH: usize = 4096;

/// How many links lead from one to the next, at most.
const MOST_LINKS: usize = 40;

/// The index of the folder that the archive is unpacked in.
const ROOT: usize = 0;

/// Folders and files; a file may have several names (hard links).
#[derive(Debug, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// What a name stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    /// A file, and where its bytes are.
    File(Range<usize>),
    /// The names in a folder and the indices of their nodes.
    Folder(BTreeMap<OsString, usize>),
    /// A symbolic link: the names on the way, from where it stands.
    Link(Vec<OsString>),
    /// A pipe or a device, or a link that leads out of the archive.
    Other,
}

/// The names of a path; none of a file's own is empty, `.` or `..`.
pub(super) type Names = Vec<OsString>;

/// The names of an archive's member, as `tar` takes them: without a root, and without what stands before `..`.
pub(super) fn member_names(path: &[u8]) -> Result<Names, String> {
    let mut names = Vec::new();
    for name in split(path)? {
        match name {
            b"" | b"." => {}
            b".." => names.clear(),
            name => names.push(os_string(name)),
        }
    }
    Ok(names)
}

/// A symbolic link to a path.
pub(super) fn link_to(path: &[u8]) -> Result<Node, String> {
    let names = split(path)?.map(os_string).collect();
    Ok(if path.starts_with(b"/") { Node::Other } else { Node::Link(names) })
}

fn split(path: &[u8]) -> Result<impl Iterator<Item = &[u8]>, String> {
    if path.len() > LONGEST_PATH {
        return Err(format!("a path of {} bytes, more than {LONGEST_PATH}", path.len()));
    }
    Ok(path.split(|&byte| byte == b'/'))
}

#[cfg(unix)]
pub(super) fn os_string(name: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(name.to_owned())
}

#[cfg(not(unix))]
pub(super) fn os_string(name: &[u8]) -> OsString {
    String::from_utf8_lossy(name).into_owned().into()
}

impl Tree {
    /// A folder with nothing in it.
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::Folder(BTreeMap::new())] }
    }

    /// Puts a new node where `names` lead, with the folders above it, in the place of what was there.
    ///
    /// A folder that is there stays; one that holds something is replaced by nothing else.
    pub(super) fn put(&mut self, names: &[OsString], node: Node) -> Result<(), String> {
        self.nodes.push(node);
        self.name(self.nodes.len() - 1, names)
    }

    /// Gives what stands at `target` another name.
    pub(super) fn put_hard_link(&mut self, names: &[OsString], target: &[OsString]) -> Result<(), String> {
        let found = target.split_last().and_then(|(name, above)| self.entries(self.find(above)?)?.get(name)).copied();
        match found.filter(|&index| self.entries(index).is_none()) {
            Some(index) => self.name(index, names),
            None => Err(format!("a link to {}, where there is no file", shown(&joined(target)))),
        }
    }

    fn name(&mut self, index: usize, names: &[OsString]) -> Result<(), String> {
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        let above = self.make_folder(above)?;
        let is_folder = self.entries(index).is_some();
        match self.entries(above).and_then(|entries| self.entries(*entries.get(name)?)) {
            Some(_) if is_folder => return Ok(()),
            Some(inside) if !inside.is_empty() => {
                return Err(format!("{} is a folder, and later no folder", shown(&joined(names))));
            }
            _ => {}
        }
        if let Node::Folder(entries) = &mut self.nodes[above] {
            entries.insert(name.clone(), index);
        }
        Ok(())
    }

    /// The folder where `names` lead, made if it is not there.
    fn make_folder(&mut self, names: &[OsString]) -> Result<usize, String> {
        let no_folder = || format!("{} is no folder, but something lies in it", shown(&joined(names)));
        if let Some(found) = self.find(names) {
            return self.entries(found).map(|_| found).ok_or_else(no_folder);
        }
        let Some((name, above)) = names.split_last() else { return Ok(ROOT) };
        let (above, new) = (self.make_folder(above)?, self.nodes.len());
        match &mut self.nodes[above] {
            Node::Folder(entries) if !entries.contains_key(name) => entries.insert(name.clone(), new),
            // A link that leads nowhere.
            _ => return Err(no_folder()),
        };
        self.nodes.push(Node::Folder(BTreeMap::new()));
        Ok(new)
    }

    fn entries(&self, index: usize) -> Option<&BTreeMap<OsString, usize>> {
        if let Node::Folder(entries) = &self.nodes[index] { Some(entries) } else { None }
    }

    /// Where names lead, through links.
    fn find<'a>(&'a self, names: &'a [OsString]) -> Option<usize> {
        let mut way = vec![ROOT];
        let mut left: Vec<&OsString> = names.iter().rev().collect();
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                way.pop();
            } else if !name.is_empty() && name != "." {
                let index = *self.entries(*way.last()?)?.get(name)?;
                match &self.nodes[index] {
                    Node::Link(target) => left.extend(target.iter().rev()),
                    _ => way.push(index),
                }
                links += usize::from(matches!(self.nodes[index], Node::Link(_)));
                if links > MOST_LINKS {
                    return None;
                }
            }
        }
        way.last().copied()
    }

    /// What stands where names lead, through links; `None` also for links that lead nowhere or out of the archive.
    pub(super) fn get(&self, names: &[OsString]) -> Option<&Node> {
        self.find(names).map(|index| &self.nodes[index])
    }

    /// Of the folders that hold `name`, those nearest to the root. What is hidden is not looked into.
    fn nearest_holding(&self, name: &OsStr) -> Vec<Names> {
        let mut level = vec![(ROOT, Names::new())];
        while !level.is_empty() {
            let holds = |(index, _): &&(usize, Names)| self.entries(*index).is_some_and(|it| it.contains_key(name));
            let found: Vec<Names> = level.iter().filter(holds).map(|(_, names)| names.clone()).collect();
            if !found.is_empty() {
                return found;
            }
            level = level.iter().flat_map(|(index, names)| self.folders_in(*index, names)).collect();
        }
        Vec::new()
    }

    /// The folder that holds `name`, the nearest one to the root; an error names two that are equally near.
    pub(super) fn only_one_holding(&self, name: &str) -> Result<Option<Names>, String> {
        let mut found = self.nearest_holding(OsStr::new(name));
        if let [first, second, ..] = found.as_slice() {
            let both = [first, second].map(|folder| shown(&joined(folder).join(name)));
            return Err(format!("it holds both {} and {}", both[0], both[1]));
        }
        Ok(found.pop())
    }

    fn folders_in(&self, index: usize, names: &[OsString]) -> Vec<(usize, Names)> {
        let entries = self.entries(index).into_iter().flatten();
        let seen = entries.filter(|(name, inner)| !is_hidden(name) && self.entries(**inner).is_some());
        seen.map(|(name, &inner)| (inner, [names, &[name.clone()][..]].concat())).collect()
    }
}

/// Whether a file or folder is not meant to be looked at: Jupyter's, macOS's and their like.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}

/// As a path.
pub(super) fn joined(names: &[OsString]) -> PathBuf {
    names.iter().collect()
}
