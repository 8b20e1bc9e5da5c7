"""A caller of Varlink services, written from https://varlink.org and as strict as can be: whatever
is sent and received is held against the interface's description, which the service itself gives."""

import json
import re
import socket

from harness import PATIENCE

TOKEN = re.compile(r"\s+|#[^\n]*|(->|\[\]|\[string\]|[?(),:]|[A-Za-z][A-Za-z0-9_.-]*)")
FIELD = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
MEMBER = re.compile(r"[A-Z][A-Za-z0-9]*")
INTERFACE = re.compile(r"[A-Za-z]([-]*[A-Za-z0-9])*(\.[A-Za-z0-9]([-]*[A-Za-z0-9])*)+")
PLAIN = {"bool": bool, "int": int, "float": (int, float), "string": str, "object": dict}


class VarlinkError(Exception):
    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name, self.parameters = name, parameters


class Description:
    """https://varlink.org/Interface-Definition"""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            found = TOKEN.match(text, at)
            assert found, f"not understood: {text[at:at + 40]!r}"
            if found[1]:
                self.tokens.append(found[1])
            at = found.end()
        self.tokens.append(None)
        self.types, self.methods, self.errors = {}, {}, {}
        self._take("interface")
        self.name = self._name(INTERFACE)
        while self.tokens[0] is not None:
            kind, name = self.tokens.pop(0), self._name(MEMBER)
            assert name not in {**self.types, **self.methods, **self.errors}, f"{name} twice"
            if kind == "type":
                self.types[name] = self._struct()
            elif kind == "method":
                taken = self._struct()
                self._take("->")
                self.methods[name] = taken, self._struct()
            else:
                assert kind == "error", kind
                self.errors[name] = self._struct()

    def _take(self, wanted):
        assert self.tokens[0] == wanted, f"{self.tokens[:3]}, not {wanted}"
        self.tokens.pop(0)

    def _name(self, pattern):
        name = self.tokens.pop(0)
        assert pattern.fullmatch(name), name
        return name

    def _struct(self):
        """("struct", {name: type}) or ("enum", {name})"""
        self._take("(")
        fields, words = {}, set()
        while self.tokens[0] != ")":
            name = self._name(FIELD)
            assert name not in fields and name not in words, f"{name} twice"
            if self.tokens[0] == ":":
                self.tokens.pop(0)
                fields[name] = self._type()
            else:
                words.add(name)
            if self.tokens[0] != ")":
                self._take(",")
        self._take(")")
        assert not (fields and words), "a field without a type"
        return ("enum", words) if words else ("struct", fields)

    def _type(self):
        if self.tokens[0] == "?":
            self.tokens.pop(0)
            assert self.tokens[0] != "?"
            return ("maybe", self._type())
        if self.tokens[0] in ("[]", "[string]"):
            return ("list" if self.tokens.pop(0) == "[]" else "map", self._type())
        if self.tokens[0] == "(":
            return self._struct()
        name = self.tokens.pop(0)
        return ("plain", name) if name in PLAIN else ("named", name)

    def check(self, value, wanted, where):
        kind, of = wanted
        if kind == "maybe":
            if value is not None:
                self.check(value, of, where)
        elif kind == "list":
            assert isinstance(value, list), f"{where}: {value!r} is no list"
            for index, item in enumerate(value):
                self.check(item, of, f"{where}[{index}]")
        elif kind == "map":
            assert isinstance(value, dict), f"{where}: {value!r} is no map"
            for key, item in value.items():
                self.check(item, of, f"{where}[{key!r}]")
        elif kind == "enum":
            assert value in of, f"{where}: {value!r} is none of {sorted(of)}"
        elif kind == "named":
            self.check(value, self.types[of], where)
        elif kind == "struct":
            assert isinstance(value, dict), f"{where}: {value!r} is no object"
            assert set(value) <= set(of), f"{where}: not described: {sorted(set(value) - set(of))}"
            for name, field in of.items():
                self.check(value.get(name), field, f"{where}.{name}")
        else:
            right = isinstance(value, PLAIN[of]) and (of == "bool" or not isinstance(value, bool))
            assert right, f"{where}: {value!r} is no {of}"


class Caller:
    """A connection; call() returns the parameters of the reply."""

    def __init__(self, path, interface=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.settimeout(PATIENCE)
        self.left = b""
        self.seen = set()
        self.descriptions = {}
        for name in ("org.varlink.service", interface):
            if name:
                self.send("org.varlink.service.GetInterfaceDescription", {"interface": name})
                self.descriptions[name] = Description(self.read()["parameters"]["description"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, method, parameters=None, **flags):
        message = {"method": method, **flags}
        if parameters is not None:
            message["parameters"] = parameters
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def read(self):
        """The next message, or None at the end."""
        while b"\0" not in self.left:
            part = self.socket.recv(65536)
            if not part:
                assert not self.left, f"half a message: {self.left!r}"
                return None
            self.left += part
        text, _, self.left = self.left.partition(b"\0")
        message = json.loads(text)
        assert set(message) <= {"parameters", "continues", "error"}, message
        return message

    def _result(self, method, message):
        assert message is not None, f"{method}: closed without a reply"
        if "error" in message:
            interface, _, name = message["error"].rpartition(".")
            description = self.descriptions[interface]
            description.check(message["parameters"], description.errors[name], message["error"])
            raise VarlinkError(message["error"], message["parameters"])
        interface, _, name = method.rpartition(".")
        description = self.descriptions[interface]
        description.check(message["parameters"], description.methods[name][1], name)
        return message["parameters"]

    def _checked_send(self, method, parameters, **flags):
        interface, _, name = method.rpartition(".")
        description = self.descriptions[interface]
        description.check(parameters, description.methods[name][0], name)
        self.send(method, parameters, **flags)

    def call(self, method, /, **parameters):
        self._checked_send(method, parameters)
        message = self.read()
        assert message is None or "continues" not in message
        return self._result(method, message)

    def stream(self, method, **parameters):
        """Each reply, until one does not continue."""
        self._checked_send(method, parameters, more=True)
        going_on = True
        while going_on:
            message = self.read()
            going_on = bool(message and message.get("continues"))
            yield self._result(method, message)


INETD = "io.inetd.Control"


class Control(Caller):
    """control.call("List"): a caller of inetd's own interface."""

    def __init__(self, path):
        super().__init__(path, INETD)

    def call(self, method, /, **parameters):
        return super().call(f"{INETD}.{method}", **parameters)

    def stream(self, method, **parameters):
        return super().stream(f"{INETD}.{method}", **parameters)
