------------------------------- MODULE mounts -------------------------------
(* Mounts with propagation: what specs/bench_mounts.py says, for TLC.

   `mnt` holds the mounts that exist: its domain is the set of slots taken, a new mount takes the least free one. A peer
   group is a number that a mount bears; it exists while one does, and a new group takes the least number that nobody
   bears. None is no mount and no group. Dentry 1 is the root of the file system, the others lie right below it. What a
   call does in several steps is worked out in a table t of mounts, which becomes `mnt` at the end. *)
EXTENDS Integers, FiniteSets

CONSTANTS Mounts, Namespaces, Dentries  \* slots of mounts and of namespaces; dentries, the root included

VARIABLES
  mnt,   \* slot -> ns, parent (None at the root of a namespace), mp, root, group, master, unbindable
  alive  \* the namespaces that exist; 1 stays

vars == <<mnt, alive>>
None == 0
Top == 1
Places == 1..Dentries
Initial == 1

Least(S) == CHOOSE x \in S : \A y \in S : x <= y
Rank(x, S) == Cardinality({y \in S : y < x})

\* Do(x, i) for each i of a set, in the order of slots, beginning with x.
Each(Do(_, _), S, x) ==
  LET RECURSIVE Rest(_, _)
      Rest(left, now) == IF left = {} THEN now ELSE LET i == Least(left) IN Rest(left \ {i}, Do(now, i))
  IN Rest(S, x)

------------------------------------------------------------------------------
\* Trees.

Free(t) == (1..Mounts) \ DOMAIN t
At(t, m, d) == {c \in DOMAIN t : t[c].parent = m /\ t[c].mp = d}
Occupied(t, m, d) == At(t, m, d) # {}
Covered(t, m) == Occupied(t, m, t[m].root)
Sees(t, m, d) == t[m].root \in {Top, d}
Vacant(t, m, d) == Sees(t, m, d) /\ ~Occupied(t, m, d)

\* Mounts and all that hangs on them, of those of a set.
RECURSIVE Down(_, _, _)
Down(t, from, among) ==
  LET more == {m \in among \ from : t[m].parent \in from} IN IF more = {} THEN from ELSE Down(t, from \cup more, among)
Subtree(t, m) == Down(t, {m}, DOMAIN t)

\* The last of the mounts that are stacked on the root of a mount.
RECURSIVE Stacked(_, _)
Stacked(t, m) == IF Covered(t, m) THEN Stacked(t, CHOOSE c \in DOMAIN t : c \in At(t, m, t[m].root)) ELSE m

Extended(t, rows) == [m \in DOMAIN t \cup DOMAIN rows |-> IF m \in DOMAIN t THEN t[m] ELSE rows[m]]

\* Peers of some mounts for a namespace, hung together as those are; the copy of `head` hangs nowhere. `twin` leads from
\* original to copy.
Copied(t, originals, head, ns) ==
  LET slots == Free(t)
      twin == [m \in originals |-> CHOOSE x \in slots : Rank(x, slots) = Rank(m, originals)]
      made == {twin[m] : m \in originals}
      of == [x \in made |-> CHOOSE m \in originals : twin[m] = x]
      row == [x \in made |-> [t[of[x]] EXCEPT !.ns = ns, !.parent = IF of[x] = head THEN None ELSE twin[@]]]
  IN [twin |-> twin, table |-> Extended(t, row)]

------------------------------------------------------------------------------
\* Peer groups.

Borne(t) == {t[m].group : m \in DOMAIN t} \ {None}
NewGroup(t) == Least((1..Mounts + 1) \ Borne(t))
HasPeers(t, m) == \E p \in DOMAIN t \ {m} : t[p].group = t[m].group

\* A mount that shares nothing and receives nothing; the slaves of a group that ends go to its master.
Private(t, m) ==
  LET ends == t[m].group # None /\ ~HasPeers(t, m)
      Orphan(s) == ends /\ t[s].master = t[m].group
  IN [s \in DOMAIN t |->
       IF s = m THEN [t[m] EXCEPT !.group = None, !.master = None]
       ELSE IF Orphan(s) THEN [t[s] EXCEPT !.master = t[m].master] ELSE t[s]]

Share(t, m) == IF t[m].group = None THEN [t EXCEPT ![m].group = NewGroup(t)] ELSE t
Removed(t, m) == LET rest == Private(t, m) IN [x \in DOMAIN t \ {m} |-> rest[x]]

\* Groups that hear of what happens in some: slaves are in them, or slaves of slaves.
RECURSIVE Hearing(_, _)
Hearing(t, groups) ==
  LET more == ({t[m].group : m \in {x \in DOMAIN t : t[x].master \in groups}} \ {None}) \ groups IN
  IF more = {} THEN groups ELSE Hearing(t, groups \cup more)

Receivers(t, m) ==
  IF t[m].group = None THEN {}
  ELSE LET groups == Hearing(t, {t[m].group}) IN {r \in DOMAIN t \ {m} : t[r].group \in groups \/ t[r].master \in groups}

------------------------------------------------------------------------------
\* Attaching a tree. A job has the table, the head of the tree that a mount is part of (None: of no copy), the head of
\* the tree that a group's members copy (None: not known yet), and the receivers that wait for a copy.

\* A group whose members do not see the place hands on what its master has.
HandOn(job, r) ==
  LET g == job.table[r].group
      above == job.table[r].master
  IN IF g # None /\ above # None /\ job.model[g] = None THEN [job EXCEPT !.model[g] = job.model[above]] ELSE job

\* A slave that is shared gets a group of its own, one that is not has none.
Enslaved(t, c, shared) ==
  LET s == [t EXCEPT ![c].master = t[c].group, ![c].group = None] IN IF shared THEN Share(s, c) ELSE s

\* What was mounted at the place goes on top of the new tree.
PutAt(t, head, at, d) ==
  LET before == At(t, at, d)
      s == [t EXCEPT ![head].parent = at, ![head].mp = d]
      below == Stacked(t, head)
  IN [m \in DOMAIN s |-> IF m \in before THEN [s[m] EXCEPT !.parent = below, !.mp = s[below].root] ELSE s[m]]

Serve(job, r, d) ==
  LET t == job.table
      g == t[r].group
      own == IF g = None THEN None ELSE job.model[g]
      slave == own = None
      source == IF ~slave THEN own ELSE IF t[r].master = None THEN None ELSE job.model[t[r].master]
      copy == Copied(t, {m \in DOMAIN t : job.head[m] = source}, source, t[r].ns)
      made == DOMAIN copy.table \ DOMAIN t
      top == copy.twin[source]
      Demote(s, c) == Enslaved(s, c, g # None)
      linked == IF slave THEN Each(Demote, made, copy.table) ELSE copy.table
  IN IF source = None THEN job
     ELSE [table |-> PutAt(linked, top, r, d),
           head |-> [m \in DOMAIN job.head |-> IF m \in made THEN top ELSE job.head[m]],
           model |-> IF g = None THEN job.model ELSE [job.model EXCEPT ![g] = top],
           waiting |-> job.waiting \ {r}]

RECURSIVE Worked(_, _, _)
Worked(job, blind, d) ==
  LET Give(j, r) == Serve(j, r, d)
      after == Each(Give, job.waiting, Each(HandOn, blind, job))
  IN IF after = job THEN job ELSE Worked(after, blind, d)

Reached(t, tree, dst) == Receivers(t, dst) \ tree

\* Whether there is a slot for a copy at every receiver that sees the place.
RoomAt(t, tree, dst, d) ==
  Cardinality({r \in Reached(t, tree, dst) : Sees(t, r, d)}) * Cardinality(tree) <= Cardinality(Free(t))

\* A tree with the mount `head` on top, which hangs at a place from now on, and so do its copies.
Attached(t, head, tree, dst, d) ==
  LET hung == [t EXCEPT ![head].parent = dst, ![head].mp = d]
      reached == Reached(t, tree, dst)
      waiting == {r \in reached : Sees(t, r, d)}
      blind == {r \in reached \ waiting : ~\E w \in waiting : t[w].group = t[r].group}
      job == [table |-> Each(Share, tree, hung),
              head |-> [m \in 1..Mounts |-> IF m \in tree THEN head ELSE None],
              model |-> [g \in 1..Mounts + 1 |-> IF g = t[dst].group THEN head ELSE None],
              waiting |-> waiting]
  IN IF t[dst].group = None THEN hung ELSE Worked(job, blind, d).table

------------------------------------------------------------------------------
\* Calls.

Becomes(t) == mnt' = t /\ UNCHANGED alive

\* A tree in table t is attached where there is room.
Lands(t, head, tree, dst, d) == RoomAt(t, tree, dst, d) /\ Becomes(Attached(t, head, tree, dst, d))

Mount(dst, d) ==
  /\ Vacant(mnt, dst, d)
  /\ Free(mnt) # {}
  /\ LET m == Least(Free(mnt))
         row == [ns |-> mnt[dst].ns, parent |-> None, mp |-> d, root |-> Top, group |-> None, master |-> None,
                 unbindable |-> FALSE]
     IN Lands(Extended(mnt, [x \in {m} |-> row]), m, {m}, dst, d)

BindFits(src, dst, d) == mnt[src].ns = mnt[dst].ns /\ ~mnt[src].unbindable /\ Vacant(mnt, dst, d)

Bind(src, root, dst, d) ==
  /\ BindFits(src, dst, d)
  /\ Vacant(mnt, src, root)
  /\ Free(mnt) # {}
  /\ LET copy == Copied(mnt, {src}, src, mnt[dst].ns)
         m == copy.twin[src]
     IN Lands([copy.table EXCEPT ![m].root = root], m, {m}, dst, d)

BindTree(src, dst, d) ==
  /\ BindFits(src, dst, d)
  /\ ~Covered(mnt, src)
  /\ LET originals == Down(mnt, {src}, {m \in DOMAIN mnt : ~mnt[m].unbindable}) IN
     /\ originals # {src}
     /\ Cardinality(originals) <= Cardinality(Free(mnt))
     /\ LET copy == Copied(mnt, originals, src, mnt[dst].ns)
        IN Lands(copy.table, copy.twin[src], {copy.twin[m] : m \in originals}, dst, d)

Move(head, dst, d) ==
  /\ mnt[head].ns = mnt[dst].ns
  /\ mnt[head].parent # None
  /\ mnt[mnt[head].parent].group = None
  /\ Vacant(mnt, dst, d)
  /\ ~Covered(mnt, head)
  /\ LET tree == Subtree(mnt, head) IN
     /\ dst \notin tree
     /\ mnt[dst].group = None \/ ~\E m \in tree : mnt[m].unbindable
     /\ Lands(mnt, head, tree, dst, d)

MakeShared(m) ==
  /\ mnt[m].group = None
  /\ ~Covered(mnt, m)
  /\ Becomes(Share([mnt EXCEPT ![m].unbindable = FALSE], m))

MakePrivate(m) ==
  /\ mnt[m].group # None \/ mnt[m].master # None \/ mnt[m].unbindable
  /\ ~Covered(mnt, m)
  /\ Becomes([Private(mnt, m) EXCEPT ![m].unbindable = FALSE])

MakeUnbindable(m) ==
  /\ ~mnt[m].unbindable
  /\ ~Covered(mnt, m)
  /\ Becomes([Private(mnt, m) EXCEPT ![m].unbindable = TRUE])

MakeSlave(m) ==
  /\ mnt[m].group # None
  /\ ~Covered(mnt, m)
  /\ Becomes([Private(mnt, m) EXCEPT ![m].master = IF HasPeers(mnt, m) THEN mnt[m].group ELSE mnt[m].master])

\* Counterparts go where nothing that stays is mounted on them, but on top of them.
RECURSIVE Taken(_, _)
Taken(gone, counterparts) ==
  LET Holds(y) == \E c \in DOMAIN mnt \ gone : mnt[c].parent = y /\ mnt[c].mp # mnt[y].root
      more == {y \in counterparts \ gone : ~Holds(y)}
  IN IF more = {} THEN gone ELSE Taken(gone \cup more, counterparts)

\* Where a mount slides to when those below it go.
RECURSIVE Slid(_, _)
Slid(row, gone) ==
  IF row.parent \notin gone THEN row
  ELSE Slid([row EXCEPT !.parent = mnt[row.parent].parent, !.mp = mnt[row.parent].mp], gone)

Umount(m) ==
  /\ mnt[m].parent # None
  /\ ~Covered(mnt, m)
  /\ LET tree == Subtree(mnt, m)
         Alike(x) == {y \in DOMAIN mnt : mnt[y].parent \in Receivers(mnt, mnt[x].parent) /\ mnt[y].mp = mnt[x].mp}
         gone == Taken(tree, UNION {Alike(x) : x \in tree})
         slid == [x \in DOMAIN mnt |-> IF x \in gone THEN mnt[x] ELSE Slid(mnt[x], gone)]
     IN Becomes(Each(Removed, gone, slid))

Of(ns) == {m \in DOMAIN mnt : mnt[m].ns = ns}

CloneNs(ns) ==
  LET free == (1..Namespaces) \ alive IN
  /\ free # {}
  /\ Cardinality(Of(ns)) <= Cardinality(Free(mnt))
  /\ LET root == CHOOSE m \in Of(ns) : mnt[m].parent = None
     IN mnt' = Copied(mnt, Of(ns), root, Least(free)).table
  /\ alive' = alive \cup {Least(free)}

DestroyNs(ns) ==
  /\ ns # Initial
  /\ mnt' = Each(Removed, Of(ns), mnt)
  /\ alive' = alive \ {ns}

Init ==
  /\ mnt = [m \in {1} |-> [ns |-> Initial, parent |-> None, mp |-> Top, root |-> Top, group |-> None, master |-> None,
                           unbindable |-> FALSE]]
  /\ alive = {Initial}

Next ==
  \/ \E m \in DOMAIN mnt :
       \/ MakeShared(m) \/ MakePrivate(m) \/ MakeUnbindable(m) \/ MakeSlave(m) \/ Umount(m)
       \/ \E d \in Places :
            \/ Mount(m, d)
            \/ \E n \in DOMAIN mnt : Move(n, m, d) \/ BindTree(n, m, d) \/ \E root \in Places : Bind(n, root, m, d)
  \/ \E ns \in alive : CloneNs(ns) \/ DestroyNs(ns)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------
Tree ==
  /\ \A ns \in alive : Cardinality({m \in Of(ns) : mnt[m].parent = None}) = 1
  /\ Down(mnt, {m \in DOMAIN mnt : mnt[m].parent = None}, DOMAIN mnt) = DOMAIN mnt
  /\ \A m \in DOMAIN mnt : mnt[m].parent # None =>
       /\ mnt[mnt[m].parent].ns = mnt[m].ns
       /\ Sees(mnt, mnt[m].parent, mnt[m].mp)
       /\ At(mnt, mnt[m].parent, mnt[m].mp) = {m}

Peers ==
  \A m \in DOMAIN mnt : mnt[m].group # None =>
    /\ ~mnt[m].unbindable
    /\ \A p \in DOMAIN mnt : mnt[p].group = mnt[m].group => mnt[p].master = mnt[m].master

\* Groups whose master is None, those whose master is one of these, and so on: all, where masters are no circle.
RECURSIVE Settled(_)
Settled(groups) ==
  LET more == {mnt[m].group : m \in {x \in DOMAIN mnt : mnt[x].master \in groups \cup {None}}} \ (groups \cup {None})
  IN IF more = {} THEN groups ELSE Settled(groups \cup more)

Master ==
  LET settled == Settled({}) IN
  \A m \in DOMAIN mnt : mnt[m].master # None =>
    mnt[m].master # mnt[m].group /\ mnt[m].master \in Borne(mnt) /\ mnt[m].master \in settled
==============================================================================
