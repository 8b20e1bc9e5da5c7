// A calculator: one expression a line, of numbers, + - * / % ^ and parentheses. Each level of its
// recursive descent costs at least one character, so the bound on a line is a bound on the stack.
//
// inetd.conf: 10020 stream tcp nowait nobody /usr/libexec/inetd/calc calc
// try: printf '2 * (3 + 4)^2\n' | nc -N localhost 10020

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

class Parser {
  public:
    explicit Parser(const char* text) : at_(text) {}

    double sum() {
        double value = product();
        while (next() == '+' || *at_ == '-')
            value += *at_++ == '+' ? product() : -product();
        return value;
    }
    char next() {
        while (std::isspace(static_cast<unsigned char>(*at_)))
            ++at_;
        return *at_;
    }
    const char* rest() const { return at_; }

  private:
    double product() {
        double value = power();
        while (next() == '*' || *at_ == '/' || *at_ == '%') {
            const char sign = *at_++;
            const double right = power();
            value = sign == '*'   ? value * right
                    : sign == '/' ? value / right
                                  : std::fmod(value, right);
        }
        return value;
    }
    double power() {
        if (next() == '-') return ++at_, -power();
        const double base = operand();
        return next() == '^' ? ++at_, std::pow(base, power()) : base;
    }
    double operand() {
        double value = 0;
        if (next() == '(') {
            ++at_;
            value = sum();
            if (next() != ')') throw "a closing parenthesis";
            ++at_;
        } else if (std::isdigit(static_cast<unsigned char>(*at_)) || *at_ == '.') {
            const auto [end, error] = std::from_chars(at_, at_ + std::strlen(at_), value);
            if (error != std::errc{}) throw "a number of ordinary size";
            at_ = end;
        } else {
            throw "a number";
        }
        return value;
    }

    const char* at_;
};

int main(int argc, char** argv) {
    const auto patience = static_cast<unsigned>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 60);
    char line[1000];
    while (alarm(patience), std::fgets(line, sizeof line, stdin)) {
        const std::size_t length = std::strcspn(line, "\n");
        line[length] = '\0';
        Parser parser(line);
        try {
            if (length == sizeof line - 1) {
                for (int c = 0; c != '\n' && c != EOF;)
                    c = std::getchar();
                throw "a shorter line";
            }
            const double value = parser.sum();
            if (parser.next() != '\0') throw "an operator";
            dprintf(1, "%.15g\n", value);
        } catch (const char* wanted) {
            dprintf(1, "error: expected %s at '%.20s'\n", wanted, parser.rest());
        }
    }
}
