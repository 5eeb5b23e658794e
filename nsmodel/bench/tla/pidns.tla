------------------------------- MODULE pidns -------------------------------
(* Processes in nested pid namespaces: what specs/bench_pidns.py says, for TLC.

   Both tables hold what exists and nothing else: their domains are the slots taken, and what is new takes the least
   free slot. References are slots, None is no slot. A reference count is changed by taking from it; Swept then clears
   away what has none left. *)
EXTENDS Integers, FiniteSets

CONSTANTS Tasks, Namespaces, Levels  \* slots of processes and of namespaces; how deep namespaces nest

VARIABLES
  task,   \* slot -> zombie, ns, next (the namespace of the next child), parent, subreaper, fd, seen (by namespaces)
  space   \* slot -> dead, parent, init, level, refs

vars == <<task, space>>
None == 0

Least(S) == CHOOSE x \in S : \A y \in S : x <= y
Room(table, slots) == (1..slots) \ DOMAIN table
Put(table, slot, row) == [x \in DOMAIN table \cup {slot} |-> IF x = slot THEN row ELSE table[x]]
Gone(table, slots) == [x \in DOMAIN table \ slots |-> table[x]]
One(condition) == IF condition THEN 1 ELSE 0
Alive(p) == ~task[p].zombie

RECURSIVE UpFrom(_, _)
UpFrom(s, n) == IF n = None THEN {} ELSE {n} \cup UpFrom(s, s[n].parent)

\* A table of namespaces without those that nothing refers to; each of them held its parent.
RECURSIVE Swept(_)
Swept(s) ==
  LET idle == {n \in DOMAIN s : s[n].refs = 0} IN
  IF idle = {} THEN s
  ELSE Swept([n \in DOMAIN s \ idle |-> [s[n] EXCEPT !.refs = @ - Cardinality({i \in idle : s[i].parent = n})]])

\* ... after `lost[n]` references to each namespace n were given back.
Less(s, lost) == Swept([n \in DOMAIN s |-> [s[n] EXCEPT !.refs = @ - lost[n]]])
LessOne(s, n) == Less(s, [m \in DOMAIN s |-> One(m = n)])

Child(up) == [dead |-> FALSE, parent |-> up, init |-> None, level |-> space[up].level + 1, refs |-> 0]
\* The table of namespaces with a new one, at `slot`, below `up`.
Below(up, slot) == Put([space EXCEPT ![up].refs = @ + 1], slot, Child(up))

\* A child of p in namespace n of table s.
Born(p, n, s) ==
  LET c == Least(Room(task, Tasks)) IN
  /\ task' = Put(task, c, [zombie |-> FALSE, ns |-> n, next |-> n, parent |-> p, subreaper |-> FALSE,
                           fd |-> task[p].fd, seen |-> UpFrom(s, n)])
  /\ space' = [m \in DOMAIN s |->
       [s[m] EXCEPT !.refs = @ + 2 * One(m = n) + One(m = task[p].fd),
                    !.init = IF m = n /\ @ = None THEN c ELSE @]]

Fork(p) ==
  /\ Alive(p)
  /\ ~space[task[p].next].dead
  /\ Room(task, Tasks) # {}
  /\ Born(p, task[p].next, space)

MayNest(p) ==
  /\ Alive(p)
  /\ task[p].next = task[p].ns
  /\ space[task[p].ns].level < Levels
  /\ Room(space, Namespaces) # {}

CloneNewpid(p) ==
  /\ MayNest(p)
  /\ Room(task, Tasks) # {}
  /\ LET n == Least(Room(space, Namespaces)) IN Born(p, n, Below(task[p].ns, n))

Unshare(p) ==
  /\ MayNest(p)
  /\ LET n == Least(Room(space, Namespaces))
         s == Below(task[p].ns, n)
     IN /\ task' = [task EXCEPT ![p].next = n]
        /\ space' = LessOne([s EXCEPT ![n].refs = 1], task[p].ns)

Setns(p) ==
  LET fd == task[p].fd IN
  /\ Alive(p)
  /\ fd # None
  /\ task[p].next # fd
  /\ task[p].ns \in UpFrom(space, fd)
  /\ task' = [task EXCEPT ![p].next = fd]
  /\ space' = LessOne([space EXCEPT ![fd].refs = @ + 1], task[p].next)

Open(p, q) ==
  /\ Alive(p)
  /\ Alive(q)
  /\ task[p].fd = None
  /\ task[p].ns \in task[q].seen
  /\ task' = [task EXCEPT ![p].fd = task[q].ns]
  /\ space' = [space EXCEPT ![task[q].ns].refs = @ + 1]

Close(p) ==
  /\ Alive(p)
  /\ task[p].fd # None
  /\ task' = [task EXCEPT ![p].fd = None]
  /\ space' = LessOne(space, task[p].fd)

BecomeSubreaper(p) ==
  /\ Alive(p)
  /\ ~task[p].subreaper
  /\ space[task[p].ns].init # p
  /\ task' = [task EXCEPT ![p].subreaper = TRUE]
  /\ UNCHANGED space

\* Who gets the children of a process of namespace n; `above` is its next ancestor.
RECURSIVE Heir(_, _)
Heir(above, n) ==
  IF task[above].ns # n \/ space[n].init = above THEN space[n].init
  ELSE IF task[above].subreaper THEN above
  ELSE Heir(task[above].parent, n)

Corpse(row) == [row EXCEPT !.zombie = TRUE, !.next = None, !.fd = None, !.subreaper = FALSE]

ExitPlain(p) ==
  LET heir == Heir(task[p].parent, task[p].ns) IN
  /\ task' = [q \in DOMAIN task |->
       IF q = p THEN Corpse(task[p]) ELSE IF task[q].parent = p THEN [task[q] EXCEPT !.parent = heir] ELSE task[q]]
  /\ space' = Less(space, [n \in DOMAIN space |-> One(task[p].fd = n) + One(task[p].next = n)])

\* An init takes along who sees its namespace as its own or as one above; who dies with its parent leaves no zombie.
ExitInit(p) ==
  LET doomed == {q \in DOMAIN task : task[p].ns \in task[q].seen}
      dying == {q \in doomed : Alive(q)}
      reaped == {q \in doomed \ {p} : task[q].parent \in doomed}
      ended == [n \in DOMAIN space |->
        IF space[n].init \in doomed THEN [space[n] EXCEPT !.dead = TRUE, !.init = None] ELSE space[n]]
      lost == [n \in DOMAIN space |->
        Cardinality({q \in dying : task[q].fd = n}) + Cardinality({q \in dying : task[q].next = n})
        + Cardinality({q \in reaped : task[q].ns = n})]
  IN /\ task' = [q \in DOMAIN task \ reaped |-> IF q \in dying THEN Corpse(task[q]) ELSE task[q]]
     /\ space' = Less(ended, lost)

Exit(p) ==
  /\ Alive(p)
  /\ task[p].parent # None
  /\ IF space[task[p].ns].init = p THEN ExitInit(p) ELSE ExitPlain(p)

Reap(p, q) ==
  /\ Alive(p)
  /\ ~Alive(q)
  /\ task[q].parent = p
  /\ task' = Gone(task, {q})
  /\ space' = LessOne(space, task[q].ns)

Init ==
  /\ task = [p \in {1} |-> [zombie |-> FALSE, ns |-> 1, next |-> 1, parent |-> None, subreaper |-> FALSE, fd |-> None,
                            seen |-> {1}]]
  /\ space = [n \in {1} |-> [dead |-> FALSE, parent |-> None, init |-> 1, level |-> 1, refs |-> 3]]

Next ==
  \E p \in DOMAIN task :
    \/ Fork(p) \/ CloneNewpid(p) \/ Unshare(p) \/ Setns(p) \/ Close(p) \/ BecomeSubreaper(p) \/ Exit(p)
    \/ \E q \in DOMAIN task : Open(p, q) \/ Reap(p, q)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------
Refcount ==
  \A n \in DOMAIN space :
    /\ space[n].refs > 0
    /\ space[n].refs = One(space[n].parent = None)
         + Cardinality({p \in DOMAIN task : task[p].ns = n}) + Cardinality({p \in DOMAIN task : task[p].next = n})
         + Cardinality({p \in DOMAIN task : task[p].fd = n})
         + Cardinality({m \in DOMAIN space : space[m].parent = n})

Visible == \A p \in DOMAIN task : task[p].seen = UpFrom(space, task[p].ns)

InitLive ==
  \A p \in DOMAIN task : Alive(p) =>
    LET n == task[p].ns IN
    /\ ~space[n].dead
    /\ space[n].init # None
    /\ Alive(space[n].init)
    /\ task[space[n].init].ns = n

ParentLive == \A p \in DOMAIN task : task[p].parent # None => Alive(task[p].parent)
==============================================================================
