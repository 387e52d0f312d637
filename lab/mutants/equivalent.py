"""The changes that no test can notice, by the reason.

Each as the report writes it. A change that nothing can observe because the code is
not needed is no reason: that code goes.
"""

from __future__ import annotations

REASONS: dict[str, tuple[str, ...]] = {
    "It is a limit against what leads in a circle, and one more is as good.": (
        "_patch.py: ReplacedAttribute.replace: 100 -> (101)",
    ),
    "It is for another Python than the one that this is run on, and is tested there.": (
        "_log.py: <module>: \"ensure_and_exit\" -> ('Xensure_and_exit')",
        "_log.py: <module>: \"scope\" -> ('Xscope') (3)",
        "_patch_methods.py: MethodsPatch._make_scope: sys.version_info >= (3, 11) -> (sys.version_info > (3, 11))",
        "_patch_methods.py: MethodsPatch._make_scope: closes -> (not closes)",
        "_patch_methods.py: MethodsPatch._make_scope.ensure_and_exit: ensure_for(self) -> pass",
        "_patch_methods.py: MethodsPatch._make_scope.ensure_and_exit: return leave(self, typ, value, traceback) -> return None",
        "_patch_methods.py: MethodsPatch._make_scope.ensure_and_exit: typ is None -> (typ is not None)",
        "_patch_methods.py: MethodsPatch._make_scope.__exit__: self.func(*self.args, **self.kwds) -> (self.func(*self.args))",
        "_patch_methods.py: MethodsPatch._make_ascope.__aexit__: typ is None and hasattr(self, \"args\") and _is_new(self) -> (typ is None and hasattr(self, 'args'))",
        "_patch_methods.py: MethodsPatch._make_ascope: \"markcoroutinefunction\" -> ('Xmarkcoroutinefunction')",
        '_patch_methods.py: MethodsPatch._make_ascope: getattr(inspect, "markcoroutinefunction", id)(__aexit__) -> pass',
        "_patch_methods.py: _is_new: \"f_lasti\" -> ('Xf_lasti')",
        "_patch_methods.py: _is_new: 1 -> (2)",
        "_patch_methods.py: _is_new: getattr(manager.gen.ag_frame, \"f_lasti\", None) == -1 -> (getattr(manager.gen.ag_frame, 'f_lasti', None) != -1)",
        '_patch_methods.py: _is_new: return getattr(manager.gen.ag_frame, "f_lasti", None) == -1 -> return None',
        "_patch_methods.py: _is_new: 10 -> (11)",
        "_patch_methods.py: _is_new: sys.version_info >= (3, 10) -> (sys.version_info > (3, 10))",
    ),
    "ididi's own function takes the argument and does nothing with it.": (
        "_patch_methods.py: MethodsPatch._make_use_scope.use_scope: original(self, name, as_async=as_async) -> (original(self, name))",
    ),
    "Only the text of an error differs: neither can be patched.": (
        "_patch_methods.py: _attribute: name in vars(base) and base is not object -> (name in vars(base))",
    ),
    "It is for the end of the interpreter, when globals are None already.": (
        "_patch.py: Patch._warn: self.active and warn_once is not None -> (self.active)",
    ),
    "The collector finds the same graph, more slowly.": (
        "_patch_contextvar.py: ContextVarPatch._note: self._seeds[next(_numbers)] = seed -> pass",
    ),
    "Every wrapt says its version.": (
        "_activation.py: _register_hook: \"0.0\" -> ('X0.0')",
    ),
    "It is a reason that is not said where ididi is patched.": (
        "_activation.py: _install: \"\" -> ('X')",
    ),
    "No logger has such a level.": ("_log.py: seeded: 1 -> (2)",),
    "No number has such a digit.": ("_log.py: _count: \"0\" -> ('X0')",),
    "It costs only time: the way that is left leads to the same answer.": (
        "_log.py: _caller: 1 -> (2)",
        "_patch.py: Patch.ensure_scope: logger.level or root.level -> (logger.level)",
        "_releases.py: _version_in: \"\\n\\n\" -> ('X\\n\\n')",
        "_releases.py: is_verified: version in VERIFIED or _parsed(version) in map(_parsed, VERIFIED) -> (_parsed(version) in map(_parsed, VERIFIED))",
        "_patch.py: Patch.ensure_scope: type(seed) is not Seed -> (type(seed) is Seed)",
        "_patch.py: ReplacedAttribute.replace: break -> continue",
        "_patch_methods.py: MethodsPatch._make_ascope.__aenter__: 0 -> (1)",
        "_patch_methods.py: MethodsPatch._make_ascope.__aenter__: found = current(absent) -> pass",
        "_patch_methods.py: MethodsPatch._make_ascope.__aenter__: resolver = self.args[0] -> pass",
        '_patch_methods.py: MethodsPatch._make_ascope.__aexit__: typ is None and hasattr(self, "args") and _is_new(self) -> (typ is None and _is_new(self))',
        "_patch_methods.py: MethodsPatch._make_scope.__enter__: 0 -> (1)",
        "_patch_methods.py: MethodsPatch._make_scope.__enter__: found = current(absent) -> pass",
        "_patch_methods.py: MethodsPatch._make_scope.__enter__: resolver = self.args[0] -> pass",
        "_patch_methods.py: MethodsPatch._make_scope: 3 -> (4)",
        "_patch_methods.py: MethodsPatch._make_scope: 11 -> (12)",
        "_log.py: seeded: tally.level = sys.maxsize if is_verbose() else -1 -> pass",
        "_releases.py: _beside: SimpleNamespace(read_text=partial(_text_of, folder, name)) -> (SimpleNamespace())",
        "_releases.py: _beside: yield SimpleNamespace(read_text=partial(_text_of, folder, name)) -> pass",
        '_releases.py: _text_of: open(os.path.join(*path), encoding="utf-8") -> (open(os.path.join(*path)))',
        "_releases.py: _text_of: return file.read() -> return None",
        "_releases.py: _beside: \"ididi-\" -> ('Xididi-')",
        '_releases.py: _beside: name.startswith("ididi-") and name.endswith(".dist-info") -> (name.startswith(\'ididi-\'))',
        "_releases.py: _beside: \".dist-info\" -> ('X.dist-info')",
        "_seeding.py: <module>: \"__slots__\" -> ('X__slots__')",
        "_seeding.py: <module>: \"_ididi_scopefix_seed\" -> ('X_ididi_scopefix_seed')",
        "_seeding.py: <module>: ABSENT._type_registry = object() -> pass",
        '_seeding.py: Seed: __slots__ = ("__weakref__", "marker", "scope") -> pass',
    ),
    "It is a name that nobody reads.": (
        "_probe.py: _ascope: \"probe\" -> ('Xprobe')",
        "_probe.py: _errors.scope: \"probe\" -> ('Xprobe')",
        "_seeding.py: <module>: \"Absent\" -> ('XAbsent')",
        "_seeding.py: <module>: \"_ididi_scopefix_marker\" -> ('X_ididi_scopefix_marker')",
    ),
    "What the lock prevents, two threads bring about within a few instructions.": (
        "_activation.py: _install: lock -> __import__('contextlib').nullcontext()",
        "_activation.py: patch_of: lock -> __import__('contextlib').nullcontext()",
        "_activation.py: record: lock -> __import__('contextlib').nullcontext()",
        "_activation.py: _install: deactivated or patch.active or patch_of(module) not in (None, patch) -> (patch.active or patch_of(module) not in (None, patch))",
        "_activation.py: _install: deactivated or patch.active or patch_of(module) not in (None, patch) -> (deactivated or patch_of(module) not in (None, patch))",
        "_activation.py: start: lock -> __import__('contextlib').nullcontext()",
        "_activation.py: stop: lock -> __import__('contextlib').nullcontext()",
        "_activation.py: stop: lock -> __import__('contextlib').nullcontext() (2)",
        "_api.py: seed: _activation.lock -> __import__('contextlib').nullcontext()",
        "_api.py: status: _activation.lock -> __import__('contextlib').nullcontext()",
    ),
    "What fails there fails once more later, and is recorded then.": (
        "_activation.py: load: record_failure(error) -> pass",
    ),
    "It is a second guard: what stands in it guards itself.": (
        "_activation.py: _hook: Exception -> ZeroDivisionError",
        "_activation.py: _hook: record_failure(error, module) -> pass",
        "_activation.py: load: Exception -> ZeroDivisionError (2)",
        "_activation.py: load: record_failure(error) -> pass (2)",
        "_activation.py: patch_if_affected: Exception -> ZeroDivisionError",
    ),
    "Python raises the same where nobody finds a module.": (
        "__init__.py: _Finder._find: past and sys._getframe(3).f_code.co_name == \"_find_and_load_unlocked\" -> (sys._getframe(3).f_code.co_name == '_find_and_load_unlocked')",
    ),
    "What it would show, the other calls of the probe have shown before.": (
        "_probe.py: _errors.scope: graph.use_scope(names.DefaultScopeName) -> pass",
    ),
    "It is for packaging before version 26.": (
        "_releases.py: reason_to_leave_alone: SpecifierSet(AFFECTED).contains(parsed, prereleases=True) -> (SpecifierSet(AFFECTED).contains(parsed))",
        "_releases.py: reason_to_leave_alone: SpecifierSet(specifier).contains(parsed, prereleases=True) -> (SpecifierSet(specifier).contains(parsed))",
    ),
    "It is no value that means verbose, nor one that switches off.": (
        "__init__.py: _is_off: \"\" -> ('X')",
        "_log.py: is_verbose: \"\" -> ('X')",
    ),
    "It is set before it is read.": ('_log.py: <module>: _patched = "" -> pass',),
    "It is for loaders that have no exec_module, on Python 3.9.": (
        "__init__.py: _around.Loader.__getattr__: \"load_module\" -> ('Xload_module')",
        "_activation.py: load: _put_back(loader, result) -> pass",
        "_activation.py: load: return result -> return None",
    ),
    "It is for PyPy, or for Windows.": (
        "_activation.py: stop: suppress(SystemError) -> __import__('contextlib').nullcontext()",
        '_log.py: _write: os.name != "posix" or select([], [descriptor], [], 0)[1] -> (select([], [descriptor], [], 0)[1])',
    ),
    "It decides twice, with the same outcome.": (
        "_activation.py: patch_if_affected: deactivated or _is_off() -> (_is_off())",
        "_activation.py: is_decided: patch is not None and patch.active -> (patch is not None)",
        "_activation.py: is_decided: decision_about(module) is not None or (patch is not None and patch.active) -> (patch is not None and patch.active)",
        "_activation.py: is_decided: return decision_about(module) is not None or (patch is not None and patch.active) -> return None",
        "_activation.py: load: not is_decided() and is_initializing(PACKAGE) -> (is_initializing(PACKAGE))",
        "_activation.py: load: not is_decided() and is_initializing(PACKAGE) -> (not is_decided() or is_initializing(PACKAGE))",
        "_activation.py: load: not is_decided() and is_initializing(PACKAGE) -> (not is_decided())",
        "_activation.py: is_decided: decision_about(module) is not None or (patch is not None and patch.active) -> (decision_about(module) is not None and (patch is not None and patch.active))",
        "_activation.py: is_decided: decision_about(module) is not None or (patch is not None and patch.active) -> (decision_about(module) is not None)",
        "_activation.py: load: name == PACKAGE and not is_decided() -> (name == PACKAGE)",
    ),
    "It waits for more than it has to, for a second at most.": (
        "_activation.py: _others_are_finding: code.co_name == \"_find_spec\" -> (code.co_name != '_find_spec')",
        '_activation.py: _others_are_finding: code.co_name == "_find_spec" and "importlib" in code.co_filename -> (\'importlib\' in code.co_filename)',
        "_activation.py: _others_are_finding: code.co_name == \"_find_spec\" and \"importlib\" in code.co_filename -> (code.co_name == '_find_spec' or 'importlib' in code.co_filename)",
        '_activation.py: _others_are_finding: code.co_name == "_find_spec" and "importlib" in code.co_filename -> (code.co_name == \'_find_spec\')',
    ),
    "Only the text of a reason differs.": (
        "_probe.py: _ascope: \"a scope call waited for something\" -> ('Xa scope call waited for something')",
        "_releases.py: <module>: \"OutOfScopeError outside a scope is by design, nothing is to be fixed\" -> ('XOutOfScopeError outside a scope is by design, nothing is to be fixed')",
        "_releases.py: <module>: \"it has the same LookupError elsewhere: upgrade to 1.4.4 or newer\" -> ('Xit has the same LookupError elsewhere: upgrade to 1.4.4 or newer')",
        "_releases.py: _parsed: \"the version of ididi is unknown, since its metadata are missing\" -> ('Xthe version of ididi is unknown, since its metadata are missing')",
        "_log.py: seeded: \"first need of a seed: %s (pid %d, %s).%s\" -> ('Xfirst need of a seed: %s (pid %d, %s).%s')",
        "_api.py: _inactivity: \"deactivate() was called; activate() undoes it.\" -> ('Xdeactivate() was called; activate() undoes it.')",
        "_api.py: _inactivity: \"ididi is being imported.\" -> ('Xididi is being imported.')",
        "_api.py: _inactivity: \"ididi is being patched again, in another thread.\" -> ('Xididi is being patched again, in another thread.')",
        "_api.py: _inactivity: \"ididi was imported past the finder; activate() patches it.\" -> ('Xididi was imported past the finder; activate() patches it.')",
        "_api.py: _inactivity: \"nothing waits for ididi; activate() does.\" -> ('Xnothing waits for ididi; activate() does.')",
        "_api.py: status: \"every scope call works in every context.\" -> ('Xevery scope call works in every context.')",
    ),
}
KNOWN = {key: reason for reason, keys in REASONS.items() for key in keys}
